"""The private parts of python-socketio and python-engineio that app/realtime uses are those of the
versions it was read against."""

import ast
import inspect
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import engineio
import pytest
import socketio
from engineio.async_drivers.gevent import WebSocketWSGI
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from engineio.socket import Socket as EngineSocket
from socketio.packet import CONNECT, EVENT, Packet
from socketio.pubsub_manager import PubSubManager

from app import realtime
from app.realtime.queue_manager import QueueManager

READ_AGAINST = {"python-socketio": "5.18.1", "python-engineio": "4.15.1"}
WHY = "read app/realtime against the new version first, then change this pin"
MODULES = sorted(Path(realtime.__path__[0]).glob("*.py"))

# What app/realtime reaches for that is private or not documented.
MANAGER = {
    "_generate_ack_id",
    "_handle_callback",
    "_handle_close_room",
    "_handle_disconnect",
    "_handle_emit",
    "_handle_enter_room",
    "_handle_leave_room",
    "_publish",
    "_return_callback",
    "basic_disconnect",
    "basic_enter_room",
    "eio_sid_from_sid",
    "get_participants",
    "initialize",
    "is_connected",
}
MANAGER_VALUES = {"channel", "host_id", "json", "pending_connect"}
SERVER = {"_send_eio_packet"}
SERVER_VALUES = {"eio", "packet_class", "reason"}
ENGINE_VALUES = {"_async", "sockets"}
WEBSOCKET_VALUES = {"_sock"}

# The private ones among them that each module uses; a module that is not here uses none.
USED = {
    "__init__.py": {"_async"},
    "delivery.py": {"_send_eio_packet"},
    "queue_manager.py": {name for name in MANAGER if name.startswith("_")},
    "websocket.py": {"_sock"},
}


@pytest.mark.parametrize("package", READ_AGAINST)
def test_the_version_installed_is_the_one_that_was_read(package: str) -> None:
    assert version(package) == READ_AGAINST[package], WHY


@pytest.mark.parametrize("name", sorted(MANAGER))
def test_the_managers_base_still_has_what_is_used(name: str) -> None:
    assert callable(getattr(PubSubManager, name, None)), WHY


def test_a_manager_still_has_the_values_that_are_used() -> None:
    manager = PubSubManager()
    assert vars(manager).keys() | vars(PubSubManager).keys() >= MANAGER_VALUES, WHY


def test_a_server_still_has_what_is_used() -> None:
    server = socketio.Server(async_mode="threading")
    assert all(callable(getattr(server, name, None)) for name in SERVER), WHY
    assert all(hasattr(server, name) for name in SERVER_VALUES), WHY
    assert server.reason.TRANSPORT_CLOSE
    assert server.reason.SERVER_DISCONNECT


def test_an_engine_still_has_what_is_used() -> None:
    engine = engineio.Server(async_mode="threading")
    assert all(hasattr(engine, name) for name in ENGINE_VALUES), WHY
    assert engine.sockets == {}
    socket = EngineSocket(engine, "sid")
    assert (socket.closed, socket.closing, socket.upgraded) == (False, False, False)
    assert {"wait", "abort", "reason"} <= inspect.signature(socket.close).parameters.keys()


def test_an_engine_still_takes_its_websocket_from_where_it_is_replaced() -> None:
    assert engineio.Server(async_mode="gevent")._async["websocket"] is WebSocketWSGI, WHY
    socket = SimpleNamespace(version="13", path="/", origin=None, protocol=None)
    websocket = WebSocketWSGI(lambda _: [], None)
    websocket({"wsgi.websocket": socket}, None)
    assert vars(websocket).keys() >= WEBSOCKET_VALUES, WHY
    assert websocket._sock is socket, WHY


def test_a_packet_is_still_encoded_from_what_is_set_on_it() -> None:
    packet = Packet(CONNECT, {"sid": "abc"})
    packet.data = {"sid": "abc", "pid": "def"}
    assert packet.packet_type == CONNECT
    assert packet.encode() == '0{"sid":"abc","pid":"def"}', WHY


def test_an_event_still_is_a_text_and_its_attachments() -> None:
    text, attachment = Packet(EVENT, ["label", b"%PDF"], namespace="/", id=None).encode()
    assert text == '51-["label",{"_placeholder":true,"num":0}]', WHY
    assert attachment == b"%PDF"
    assert EnginePacket(MESSAGE, text).data == text
    rest = {"_placeholder": True, "num": 0}
    assert Packet.reconstruct_binary(["label", rest], [b"%PDF"]) == ["label", b"%PDF"], WHY


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_private_name_is_used_that_is_not_listed_here(module: Path) -> None:
    assert private_names(module.read_text()) <= USED.get(module.name, set())


def private_names(source: str) -> set[str]:
    """The private attributes that a module uses and does not define itself."""
    nodes = list(ast.walk(ast.parse(source)))
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    used = {one.attr for one in attributes if one.attr.startswith("_")}
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    set_on_itself = {
        one.attr
        for one in attributes
        if isinstance(one.ctx, ast.Store) and ast.unparse(one.value) == "self"
    }
    return {name for name in used if not name.startswith("__")} - defined - set_on_itself


def test_the_overridden_methods_take_what_the_base_gives_them() -> None:
    for name in ("connect", "get_participants", "initialize", "_publish"):
        ours, theirs = (
            list(inspect.signature(getattr(kind, name)).parameters)
            for kind in (QueueManager, PubSubManager)
        )
        assert ours == theirs, WHY

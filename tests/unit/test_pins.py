"""The private and undocumented parts of other packages that ordercast/live and ordercast/transport
use are those of the versions they were read against."""

import _socket
import ast
import inspect
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Any

import engineio
import gevent.socket
import pytest
import redis
import socketio
from engineio.packet import MESSAGE
from engineio.packet import Packet as StockPacket
from flask_socketio import SocketIO
from gevent.pywsgi import WSGIHandler, WSGIServer
from gunicorn.http.wsgi import base_environ
from gunicorn.workers.base import Worker as AnyWorker
from gunicorn.workers.ggevent import GeventPyWSGIWorker, PyWSGIHandler, PyWSGIServer
from socketio.packet import CONNECT, EVENT, Packet
from socketio.pubsub_manager import PubSubManager

from ordercast import live, transport
from ordercast.live.emits import EmitManager
from ordercast.live.queue import QueueManager
from ordercast.live.rooms import RoomManager
from ordercast.pins import READ_AGAINST, warn_of_others
from ordercast.transport.endings import Reason
from ordercast.transport.engine import Engine
from ordercast.transport.handler import Handler
from ordercast.transport.server import Server
from ordercast.transport.worker import Worker
from tests.harness.application.hub import pair

WHY = "read ordercast/live and ordercast/transport against the new version, then change this pin"
MODULES = sorted(
    module for one in (live, transport) for module in Path(one.__path__[0]).glob("*.py")
)

# What is used of each, private or not documented; not what is also in its documentation.
MANAGER = {
    "_generate_ack_id",
    "_handle_callback",
    "_handle_disconnect",
    "_handle_emit",
    "_publish",
    "_return_callback",
    "basic_close_room",
    "basic_disconnect",
    "basic_enter_room",
    "basic_leave_room",
    "eio_sid_from_sid",
    "get_namespaces",
    "get_participants",
    "get_rooms",
    "initialize",
    "is_connected",
    "is_pre_connected",
    "pre_connect",
    "pre_disconnect",
    "sid_from_eio_sid",
}
MANAGER_VALUES = {"callbacks", "channel", "host_id", "json"}
SERVER = {
    "_handle_ack",
    "_engineio_server_class",
    "_handle_connect",
    "_handle_disconnect",
    "_handle_eio_connect",
    "_handle_eio_disconnect",
    "_handle_event_internal",
    "_send_eio_packet",
    "_send_packet",
    "_trigger_event",
}
SERVER_VALUES = {
    "eio",
    "environ",
    "handlers",
    "manager",
    "namespace_handlers",
    "namespaces",
    "packet_class",
    "reason",
}
ENGINE = {
    "_cors_allowed_origins",
    "_cors_headers",
    "_generate_sid_cookie",
    "_gzip",
    "_trigger_event",
    "generate_id",
}
ENGINE_VALUES = {
    "allow_upgrades",
    "async_mode",
    "compression_threshold",
    "cookie",
    "cors_allowed_origins",
    "cors_credentials",
    "handlers",
    "http_compression",
    "logger",
    "sockets",
    "transports",
}
HANDLER = {"finalize_headers", "handle", "handle_one_request", "process_result", "run_application"}

# The private ones among them that each module uses; a module that is not here uses none.
USED = {
    "queue.py": {
        "_handle_callback",
        "_handle_disconnect",
        "_handle_emit",
        "_publish",
    },
    "emits.py": {"_generate_ack_id", "_handle_emit", "_return_callback"},
    "connecting.py": {"_trigger_event"},
    "follower.py": {"_make"},  # of a named tuple, where it is documented
    "handlers.py": {"_handle_event"},
    "live_server.py": {
        "_handle_eio_connect",
        "_handle_connect",
        "_handle_disconnect",
        "_send_packet",
        "_trigger_event",
    },
    "stock.py": {"_send_packet"},
    "test_clients.py": {"_handle_eio_disconnect", "_send_eio_packet"},
    "subscription.py": {"_sock"},
    "endpoint.py": {name for name in ENGINE if name.startswith("_")},
    "handler.py": {"_sock"},
    "protocol.py": {
        "_engineio_server_class",
        "_handle_ack",
        "_handle_disconnect",
        "_handle_event_internal",
        "_send_packet",
    },
    "accepting.py": {"_accept"},
}


@pytest.mark.parametrize("package", READ_AGAINST)
def test_the_version_installed_is_the_one_that_was_read(package: str) -> None:
    assert version(package) == READ_AGAINST[package], WHY


def test_other_versions_are_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_others()
    assert not caplog.records
    warn_of_others(lambda name: "9.9.9" if name in ("gevent", "redis") else READ_AGAINST[name])
    [line] = caplog.records
    assert vars(line)["packages"] == [
        "gevent 9.9.9 (tested with 26.9.0)",
        "redis 9.9.9 (tested with 8.1.0)",
    ]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_private_name_is_used_that_is_not_listed_here(module: Path) -> None:
    assert private_names(module.read_text()) <= USED.get(module.name, set())


@pytest.mark.parametrize("name", USED)
def test_no_private_name_is_listed_that_is_not_used(name: str) -> None:
    [module] = [one for one in MODULES if one.name == name]
    defined = {node.name for node in functions(module.read_text())}
    assert USED[name] <= private_names(module.read_text()) | defined


def functions(source: str) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]


def private_names(source: str) -> set[str]:
    """The private attributes that a module uses and does not define itself."""
    nodes = list(ast.walk(ast.parse(source)))
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    used = {one.attr for one in attributes if one.attr.startswith("_")}
    defined = {node.name for node in functions(source)}
    set_on_itself = {
        one.attr
        for one in attributes
        if isinstance(one.ctx, ast.Store) and ast.unparse(one.value) in ("self", "engine")
    }
    return {name for name in used if not name.startswith("__")} - defined - set_on_itself


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


# python-socketio.


@pytest.mark.parametrize("name", sorted(MANAGER))
def test_the_managers_base_still_has_what_is_used(name: str) -> None:
    assert callable(getattr(PubSubManager, name, None)), WHY


def test_a_manager_still_has_the_values_that_are_used() -> None:
    manager = PubSubManager()
    assert vars(manager).keys() | vars(PubSubManager).keys() >= MANAGER_VALUES, WHY


@pytest.mark.parametrize("ours", [QueueManager, EmitManager, RoomManager])
def test_the_overridden_methods_take_what_the_base_gives_them(ours: type) -> None:
    overridden = [
        name
        for name, value in vars(ours).items()
        if callable(value) and not name.startswith("__") and hasattr(PubSubManager, name)
    ]
    assert overridden
    for name in set(overridden) - {"basic_disconnect"}:  # whose **kwargs has another name
        assert parameters(getattr(ours, name)) == parameters(getattr(PubSubManager, name)), WHY


def test_a_server_still_has_what_is_used() -> None:
    server = socketio.Server(async_mode="threading")
    assert all(callable(getattr(server, name, None)) for name in SERVER), WHY
    assert all(hasattr(server, name) for name in SERVER_VALUES), WHY
    assert server.reason.TRANSPORT_CLOSE
    assert server.reason.SERVER_DISCONNECT


def test_a_server_still_takes_what_is_given_to_it() -> None:
    assert parameters(socketio.Server._handle_event_internal)[1:] == [
        "server",
        "sid",
        "eio_sid",
        "data",
        "namespace",
        "id",
    ]
    assert parameters(socketio.Server._handle_connect)[1:] == ["eio_sid", "namespace", "data"]
    assert parameters(socketio.Server._handle_ack)[1:] == ["eio_sid", "namespace", "id", "data"]
    assert parameters(socketio.Server._handle_disconnect)[1:] == ["eio_sid", "namespace", "reason"]
    assert parameters(socketio.Server._handle_eio_disconnect)[1:] == ["eio_sid", "reason"]
    assert parameters(socketio.Server._handle_eio_connect)[1:] == ["eio_sid", "environ"]
    assert parameters(socketio.Server._send_packet)[1:] == ["eio_sid", "pkt"]
    assert parameters(socketio.Server._send_eio_packet)[1:] == ["eio_sid", "eio_pkt"]
    assert parameters(socketio.Server._trigger_event)[1:] == ["event", "namespace", "args"]


def test_a_packet_is_still_encoded_from_what_is_set_on_it() -> None:
    packet = Packet(CONNECT, {"sid": "abc"})
    packet.data = {"sid": "abc", "pid": "def"}
    assert packet.packet_type == CONNECT
    assert packet.encode() == '0{"sid":"abc","pid":"def"}', WHY


def test_an_event_still_is_a_text_and_its_attachments() -> None:
    text, attachment = Packet(EVENT, ["label", b"%PDF"], namespace="/", id=None).encode()
    assert text == '51-["label",{"_placeholder":true,"num":0}]', WHY
    assert attachment == b"%PDF"
    rest = {"_placeholder": True, "num": 0}
    assert Packet.reconstruct_binary(["label", rest], [b"%PDF"]) == ["label", b"%PDF"], WHY


def test_a_packet_is_still_decoded_through_what_is_overridden() -> None:
    calls = []

    class Watched(Packet):
        def decode(self, encoded_packet: str) -> int:
            calls.append("decode")
            return int(super().decode(encoded_packet))

        @classmethod
        def reconstruct_binary(cls, data: Any, attachments: list[bytes]) -> Any:
            calls.append("reconstruct_binary")
            return super().reconstruct_binary(data, attachments)

    packet = Watched(encoded_packet='51-/a,7["label",{"_placeholder":true,"num":0}]')
    assert (packet.attachment_count, packet.namespace, packet.id) == (1, "/a", 7)
    assert packet.add_attachment(b"%PDF")
    assert calls == ["decode", "reconstruct_binary"], WHY


def test_flask_socketio_still_calls_its_handlers_in_one_place() -> None:
    assert parameters(SocketIO._handle_event)[1:] == [
        "handler",
        "message",
        "namespace",
        "sid",
        "args",
    ], WHY


# python-engineio.


def test_an_engine_still_has_what_is_used() -> None:
    engine = engineio.Server(async_mode="threading")
    assert all(callable(getattr(engine, name, None)) for name in ENGINE), WHY
    assert all(hasattr(engine, name) for name in ENGINE_VALUES), WHY
    assert engine.sockets == {}
    assert set(engine.transports) == {"polling", "websocket"}


def test_an_engine_still_asks_itself_what_is_replaced() -> None:
    for name in (
        "send",
        "send_packet",
        "disconnect",
        "handle_request",
        "generate_id",
        "_get_socket",
        "get_session",
        "save_session",
    ):
        assert parameters(getattr(Engine, name)) in (
            parameters(getattr(engineio.Server, name)),
            [*parameters(getattr(engineio.Server, name))[:-1], "packet"],  # they say pkt
        ), WHY


def test_a_session_is_what_an_engine_finds_in_its_place() -> None:
    engine = Engine(transport.Limits(), async_mode="threading")
    session = engine.registry.open("sid", "")
    engine.registry.admit(session)
    assert engine.transport("sid") == "polling"
    engine.save_session("sid", {"name": "alice"})
    assert engine.get_session("sid") == {"name": "alice"}
    engine.registry.admit(engine.registry.open("other", ""))
    assert engine.get_session("other") == {}
    assert (session.closed, session.closing, session.upgraded) == (False, False, False)


def test_an_engine_has_the_options_of_the_stock_server() -> None:
    options: dict[str, Any] = {
        "async_mode": "threading",
        "allow_upgrades": False,
        "http_compression": False,
        "compression_threshold": 7,
        "cors_allowed_origins": ["http://shop.example"],
        "cors_credentials": False,
        "transports": ["polling"],
    }
    stock = engineio.Server(**options)
    engine = Engine(transport.Limits(), **options)
    kept = ENGINE_VALUES - {"sockets"}
    assert {name: getattr(engine, name) for name in kept} == {
        name: getattr(stock, name) for name in kept
    }


def test_the_reasons_are_those_of_python_engineio() -> None:
    theirs = {value for name, value in vars(engineio.Server.reason).items() if name.isupper()}
    assert set(Reason) - theirs == {Reason.SHUTTING_DOWN}, WHY


def test_a_stock_packet_still_holds_a_message() -> None:
    assert StockPacket(MESSAGE, "text").encode() == "4text", WHY
    assert StockPacket(MESSAGE, b"bytes").encode() == b"bytes", WHY


# gevent and gunicorn.


def test_a_gevent_socket_still_holds_a_plain_one_and_lets_it_go() -> None:
    ours, client = pair()
    held = gevent.socket.socket(ours.family, ours.type, ours.proto, fileno=ours.detach())
    assert isinstance(held._sock, _socket.socket), WHY
    descriptor = held.detach()
    socket.close(descriptor)
    client.close()


def test_a_gevent_listener_still_accepts_plain_descriptors() -> None:
    with (
        gevent.socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        descriptor, address = listener._accept()
        socket.close(descriptor)
        assert address == client.getsockname(), WHY


@pytest.mark.parametrize("name", sorted(HANDLER))
def test_the_handler_still_has_what_is_overridden(name: str) -> None:
    assert callable(getattr(WSGIHandler, name, None)), WHY
    if name in vars(Handler):
        assert parameters(getattr(Handler, name)) == parameters(getattr(WSGIHandler, name))


def test_the_server_still_has_what_is_overridden() -> None:
    assert issubclass(PyWSGIServer, WSGIServer)
    for name in ("do_read", "do_handle"):
        assert callable(getattr(WSGIServer, name, None)), WHY
        assert name in vars(Server)
    assert issubclass(Handler, PyWSGIHandler)
    assert "rfile" in parameters(WSGIHandler.__init__), WHY


def test_the_worker_still_has_what_is_overridden() -> None:
    assert (Worker.server_class, Worker.wsgi_handler) == (Server, Handler)
    assert {"server_class", "wsgi_handler"} < vars(GeventPyWSGIWorker).keys(), WHY
    assert parameters(Worker.run) == parameters(GeventPyWSGIWorker.run)
    assert callable(AnyWorker.notify)
    assert parameters(base_environ) == ["cfg"], WHY


# redis-py.


def test_a_redis_connection_still_holds_its_socket() -> None:
    connection = redis.Connection()  # type: ignore[no-untyped-call]
    assert connection._sock is None, WHY

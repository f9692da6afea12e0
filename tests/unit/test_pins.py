"""The private parts of python-socketio and python-engineio that queue_manager.py uses are those
of the versions it was read against."""

import ast
import inspect
from importlib.metadata import version

import engineio
import pytest
import socketio
from engineio.socket import Socket as EngineSocket
from socketio.pubsub_manager import PubSubManager

from app.realtime import queue_manager
from app.realtime.queue_manager import QueueManager

READ_AGAINST = {"python-socketio": "5.18.1", "python-engineio": "4.15.1"}
WHY = "read app/realtime/queue_manager.py against the new version first, then change this pin"

# What the module reaches for outside of itself that is private or not documented.
MANAGER = {
    "_handle_callback",
    "_handle_close_room",
    "_handle_disconnect",
    "_handle_emit",
    "_handle_enter_room",
    "_handle_leave_room",
    "_publish",
    "basic_enter_room",
    "eio_sid_from_sid",
    "get_participants",
    "initialize",
    "is_connected",
}
MANAGER_VALUES = {"channel", "host_id", "json", "pending_connect"}
SERVER = {"_handle_disconnect", "_send_eio_packet", "_send_packet"}
SERVER_VALUES = {"eio", "packet_class", "reason"}


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
    assert engine.sockets == {}
    socket = EngineSocket(engine, "sid")
    assert (socket.closed, socket.closing, socket.upgraded) == (False, False, False)
    assert {"wait", "abort", "reason"} <= inspect.signature(socket.close).parameters.keys()


def test_no_private_name_is_used_that_is_not_listed_here() -> None:
    tree = ast.parse(inspect.getsource(queue_manager))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    private = {name for name in used if name.startswith("_") and not name.startswith("__")}
    own = {name for name in vars(QueueManager) if name not in vars(PubSubManager)}
    assert private - own - {"_connections", "_host", "_redis"} <= MANAGER | SERVER


def test_the_overridden_methods_take_what_the_base_gives_them() -> None:
    for name in ("connect", "get_participants", "initialize", "_publish"):
        ours, theirs = (
            list(inspect.signature(getattr(kind, name)).parameters)
            for kind in (QueueManager, PubSubManager)
        )
        assert ours == theirs, WHY

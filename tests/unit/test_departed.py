"""A transport is its user's until it closes."""

from types import SimpleNamespace
from typing import Any

from ordercast.identity import Identity
from ordercast.live.connections import Connection, Connections


def connection(sid: str, engine: Any) -> Connection:
    identity = Identity("7", expires_at=2**31)
    return Connection(sid, identity, engine)


def test_one_that_has_left_is_its_users_until_its_transport_is_released() -> None:
    connections = Connections()
    left = connection("left", SimpleNamespace(sid="engine", closed=False))
    connections.depart(left)
    assert connections.departed_of("7") == [left]
    assert connections.departed("left") is left
    assert connections.departed_of("8") == []
    connections.release("engine")
    connections.release("engine")
    assert connections.departed_of("7") == []
    assert connections.departed("left") is None


def test_one_whose_transport_is_closed_leaves_nothing() -> None:
    connections = Connections()
    connections.depart(connection("closed", SimpleNamespace(sid="engine", closed=True)))
    assert connections.departed_of("7") == []

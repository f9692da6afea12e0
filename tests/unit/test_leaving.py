"""What is left of a client that has gone."""

from functools import partial

import pytest

from ordercast.transport import Engine, Limits, StrictServer


def test_a_failing_disconnect_handler_keeps_nobody_in_a_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = partial(Engine, Limits())
    server = StrictServer(connect=lambda request: None, engine=engine, async_mode="threading")
    told: list[str] = []

    @server.on("disconnect", namespace="/a")
    def fail(_sid: str, _reason: str) -> None:
        raise RuntimeError("a fault of the handler")

    @server.on("disconnect", namespace="/b")
    def tell(_sid: str, reason: str) -> None:
        told.append(reason)

    server.environ["engine"] = {}
    sids = {name: server.manager.connect("engine", name) for name in ("/a", "/b")}

    server.eio.handlers["disconnect"]("engine", "transport close")

    assert told == ["transport close"]
    assert not any(server.manager.is_connected(sid, name) for name, sid in sids.items())
    assert not server.manager.rooms
    assert not server.environ
    assert "disconnect handler failed" in caplog.text

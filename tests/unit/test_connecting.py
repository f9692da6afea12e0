"""The connect path, without identities: what the team's connect handler decides, and the order of
what the client gets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import socketio
from gevent import Timeout

from ordercast.live.connecting import Anybody, ConnectPath
from ordercast.live.member import Member, State
from ordercast.transport import ConnectRequest, StrictPacket
from tests.harness.application.alone import Alone


class Wire:
    """An Engine.IO session in memory, and a CONNECT on it."""

    namespace = "/"
    eio_sid = "session"

    def __init__(self, auth: Any = None) -> None:
        self.sid = self.eio_sid
        self.auth = auth
        self.environ: dict[str, Any] = {}
        self.sent: list[str] = []
        self.comes_back_in: float | None = None
        self.upgraded, self.closed = True, False

    def accept(self, data: dict[str, Any]) -> bool:
        self.sent.append("accepted " + ",".join(data))
        return not self.closed

    def refuse(self, error: Any) -> None:
        self.sent.append(f"refused {json.dumps(error)}")

    def come_back(self, seconds: float) -> None:
        self.comes_back_in = seconds

    def close(self, **_: Any) -> None:
        self.closed = True


class Process:
    def __init__(self, handler: Callable[..., Any], clients: Any = None) -> None:
        def send_all(wires: Any, packets: Any) -> None:
            for wire in wires:
                wire.sent += [packet.data for packet in packets]

        def send_piece(wire: Any, packets: Any, _taken: Any) -> bool:
            send_all([wire], packets)
            return True

        alone = Alone(send_all=send_all, send_piece=send_piece)
        self.server = socketio.Server(
            async_mode="threading", serializer=StrictPacket, client_manager=alone.manager
        )
        self.server.on("connect", handler)
        self.path: ConnectPath = alone.path(
            *([] if clients is None else [lambda namespace: clients])
        )
        self.manager = alone.manager

    def connect(self, wire: Wire) -> Wire:
        self.server.eio.sockets[wire.sid] = wire
        self.path.connect(wire)
        return wire

    def member(self) -> Member | None:
        sid = self.manager.sid_from_eio_sid(Wire.eio_sid, "/")
        return self.manager.member(sid, "/")


def test_what_the_handler_emits_and_what_comes_meanwhile_follows_connect_in_order() -> None:
    def handler(sid: str, _environ: Any, _auth: Any) -> None:
        process.server.emit("own", 1, to=sid)
        process.server.emit("all", 2)
        process.server.enter_room(sid, "room")
        process.server.emit("room", 3, to="room")
        assert wire.sent == []

    process, wire = Process(handler), Wire()
    process.connect(wire)
    assert wire.sent == ["accepted sid", '42["own",1]', '42["all",2]', '42["room",3]']
    member = process.member()
    assert member is not None
    assert (member.state, member.backlog) == (State.LIVE, None)


@pytest.mark.parametrize(
    ("decides", "told"),
    [
        (lambda: False, {"message": "Connection rejected by server"}),
        (socketio.exceptions.ConnectionRefusedError("no"), {"message": "no"}),
        (TypeError("a fault of the handler"), {"message": "Internal error"}),
        (Timeout(), {"message": "Internal error"}),
    ],
    ids=["false", "refused", "failed", "timeout"],
)
def test_a_client_that_is_refused_gets_nothing_else_and_stays_in_no_room(
    decides: Any, told: dict[str, Any]
) -> None:
    asked: list[str] = []

    def handler(sid: str, _environ: Any, _auth: Any) -> Any:
        asked.append(sid)
        process.server.emit("own", 1, to=sid)
        if isinstance(decides, BaseException):
            raise decides
        return decides()

    process = Process(handler)
    wire = process.connect(Wire())
    assert wire.sent == [f"refused {json.dumps(told)}"]
    assert len(asked) == 1
    assert process.member() is None
    assert not process.manager.get_namespaces()


def test_a_refusal_that_is_no_json_leaves_nothing_behind() -> None:
    def handler(*_: Any) -> None:
        raise socketio.exceptions.ConnectionRefusedError("no", object())

    process = Process(handler)
    with pytest.raises(TypeError):
        process.connect(Wire())
    assert not process.manager.get_namespaces()


def test_a_client_that_is_leaving_gets_nothing_more() -> None:
    process, wire = Process(lambda *_: None), Wire()
    process.connect(wire)

    def emit(_sid: str, _reason: str) -> None:
        process.server.emit("all", 1)

    process.server.on("disconnect", emit)
    process.server._handle_disconnect(wire.sid, "/")
    assert wire.sent == ["accepted sid"]


def test_a_fault_of_ours_is_no_refusal_and_the_client_comes_back() -> None:
    """A stock client does not come back by itself after a connect_error."""

    class Faulty(Anybody):
        def identify(self, member: Member, request: ConnectRequest) -> None:
            raise TypeError("a fault of ours")

    process = Process(lambda *_: None, Faulty())
    wire = process.connect(Wire())
    assert wire.sent == []
    assert wire.comes_back_in is not None
    assert process.member() is None


def test_a_client_that_left_meanwhile_gets_nothing() -> None:
    def handler(sid: str, _environ: Any, _auth: Any) -> None:
        process.server.emit("own", 1, to=sid)
        wire.closed = True

    process, wire = Process(handler), Wire()
    process.connect(wire)
    assert wire.sent == ["accepted sid"]

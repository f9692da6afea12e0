"""What counts for a limit, in the life of a session: however it ends, nothing is left of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ordercast.transport import Limits
from ordercast.transport.connection import CONNECTION
from ordercast.transport.endings import TransportEnding
from ordercast.transport.session import Session
from tests.harness.application.alone import Alone
from tests.harness.application.hub import turn_until

LIMITS = Limits(
    max_sessions=3, max_unauthenticated=4, max_sessions_per_address=4, ping_timeout=0.01
)


class Caller:
    """An engine and its clients over long-polling, as a WSGI server calls it."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.server = Alone().server(limits=limits, async_mode="gevent")
        self.engine = self.server.eio
        self.server.on("connect", lambda sid, environ, auth: bool(auth))

    def ask(self, address: str = "10.0.0.1", sid: str = "", method: str = "GET") -> str:
        """A request -> its status."""
        return self.request(address, sid, method)[0]

    def request(self, address: str, sid: str = "", method: str = "GET") -> tuple[str, bytes]:
        statuses = []
        environ = {
            "REQUEST_METHOD": method,
            "QUERY_STRING": "EIO=4&transport=polling" + (f"&sid={sid}" if sid else ""),
            "REMOTE_ADDR": address,
        }
        body = self.engine.handle_request(environ, lambda status, _: statuses.append(status))
        return statuses[0], b"".join(body)

    def open(self, address: str = "10.0.0.1") -> Session:
        status, body = self.request(address)
        assert status == "200 OK", body
        session: Session = self.engine.sockets[json.loads(body[1:])["sid"]]
        return session

    def counts(self) -> tuple[int, int, dict[str, int]]:
        admission = self.engine.registry.admission
        return admission.authenticated, admission.unauthenticated, dict(admission.addresses)


NOTHING: tuple[int, int, dict[str, int]] = (0, 0, {})


def settle(session: Session) -> None:
    """Its messages are handled."""
    turn_until(lambda: session.incoming.is_idle, "its messages are handled")


def say(session: Session, *texts: str) -> None:
    for text in texts:
        session.receive(text)
    settle(session)


def connected(caller: Caller, address: str = "10.0.0.1") -> Session:
    session = caller.open(address)
    say(session, '40{"good":1}')
    assert session.authenticated
    return session


def refused(session: Session) -> None:
    say(session, "40")


def closes(session: Session) -> None:
    session.receive("1")


def is_aborted(session: Session) -> None:
    session.end(TransportEnding.LOST)
    session.end(TransportEnding.CLOSED_BY_SERVER)


def breaks_the_protocol(session: Session) -> None:
    say(session, "4nonsense")


def goes_silent(session: Session) -> None:
    session._host.heartbeat._ping(session)  # type: ignore[attr-defined]
    turn_until(lambda: session.closed, "the ping timeout")


def leaves_twice(session: Session) -> None:
    say(session, '40{"good":1}', "41", "41")
    session.end(TransportEnding.CLOSED_BY_SERVER)
    session._host.forget(session)
    session._host.forget(session)


def is_closed_in_its_connect_handler(session: Session) -> None:
    session.accept()
    session.end(TransportEnding.CLOSED_BY_SERVER)
    session.leave()


ENDS: list[Callable[[Session], None]] = [
    refused,
    closes,
    is_aborted,
    breaks_the_protocol,
    goes_silent,
    leaves_twice,
    is_closed_in_its_connect_handler,
]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("begin", [Caller.open, connected])
@pytest.mark.parametrize("address", ["10.0.0.1", ""])
def test_however_a_session_ends_it_counts_for_nothing(
    begin: Callable[[Caller, str], Session], end: Callable[[Session], None], address: str
) -> None:
    caller = Caller()
    session = begin(caller, address)
    assert sum(caller.counts()[:2]) == 1
    assert caller.counts()[2] == ({address: 1} if address else {})
    end(session)
    session.end(TransportEnding.LOST)
    settle(session)
    assert caller.counts() == NOTHING
    assert caller.engine.registry.admission._since == {}


def fail(*_: Any) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("answer", [lambda *_: False, fail], ids=["refuses", "fails"])
def test_whom_the_engines_connect_event_turns_away_does_not_count(
    answer: Callable[..., Any],
) -> None:
    caller = Caller()
    caller.engine.handlers["connect"] = answer
    for _ in range(10):
        assert caller.ask() == "403 Forbidden"
    assert caller.counts() == NOTHING


def test_who_is_gone_during_the_handshake_does_not_count() -> None:
    """The socket is gone when the engine asks for it."""

    class Connection:
        def detach(self) -> None:
            raise OSError

    caller = Caller()
    upgrade = {
        "HTTP_UPGRADE": "websocket",
        "HTTP_CONNECTION": "Upgrade",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_KEY": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    environ = {
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": "EIO=4&transport=websocket",
        "REMOTE_ADDR": "10.0.0.1",
        CONNECTION: Connection(),
        "SERVER_PROTOCOL": "HTTP/1.1",
        **upgrade,
    }
    with pytest.raises(OSError):  # noqa: PT011 - what the connection raised, as it came
        caller.engine.handle_request(environ, lambda *_: None)
    turn_until(lambda: caller.engine.sockets == {}, "nothing is left")
    assert caller.counts() == NOTHING


def test_the_eldest_of_the_address_with_the_most_makes_room() -> None:
    caller = Caller(Limits(max_unauthenticated=4))
    lone = caller.open("10.0.0.9")
    first, second, third = (caller.open("10.0.0.1") for _ in range(3))
    deciding = second
    deciding.begin_connect()  # its connect handler is at work
    caller.open("10.0.0.2")
    assert first.closed
    caller.open("10.0.0.3")
    assert third.closed  # before the one whose handler decides
    caller.open("10.0.0.4")
    assert lone.closed  # of as many everywhere the eldest
    assert not deciding.closed
    assert caller.counts()[1] == 4


def test_where_no_more_may_be_open_the_unauthenticated_make_room() -> None:
    caller = Caller(Limits(max_sessions=3, max_open=3))
    for _ in range(2):
        connected(caller)
    first = caller.open()
    second = caller.open()
    assert (first.closed, second.closed) == (True, False)
    say(second, '40{"good":1}')
    assert caller.counts()[:2] == (3, 0)
    assert caller.ask() == "503 Service Unavailable"


def test_of_many_that_leave_at_once_no_more_stay_than_the_budget() -> None:
    caller = Caller(Limits(max_unauthenticated=2))
    sessions = [connected(caller) for _ in range(5)]
    for session in sessions:
        say(session, "41")
    assert [session.closed for session in sessions] == [True] * 3 + [False] * 2
    assert caller.counts()[:2] == (0, 2)


def test_with_nobody_else_those_go_whose_handlers_decide() -> None:
    caller = Caller(Limits(max_unauthenticated=2))
    held = [caller.open() for _ in range(2)]
    for session in held:
        session.begin_connect()
    caller.open()
    assert [session.closed for session in held] == [True, False]


def test_a_session_in_a_second_namespace_stays_authenticated() -> None:
    caller = Caller()
    caller.server.on("connect", lambda *_: None, namespace="/other")
    session = connected(caller)
    say(session, "40/other,")
    say(session, "41")
    assert caller.counts()[:2] == (1, 0)
    say(session, "41/other,")
    assert caller.counts()[:2] == (0, 1)


def test_whom_the_server_disconnects_is_unauthenticated_again() -> None:
    caller = Caller()
    session = connected(caller)
    caller.server.disconnect(caller.server.manager.sid_from_eio_sid(session.sid, "/"))
    assert caller.counts()[:2] == (0, 1)


def test_a_deadline_of_an_earlier_time_closes_nobody_in_a_later_one() -> None:
    caller = Caller(Limits(connect_timeout=60))
    session = caller.open()
    strike, argument = caller.engine.timers._heap[-1][2:]
    strike(argument)
    assert not session.closed

"""The moves of a session between its states, and what is left of it after an end in each."""

import gc
import socket
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from ordercast.transport import Engine, Limits
from ordercast.transport.endings import Ending, TransportEnding
from ordercast.transport.frames import CLOSE, TEXT, frame
from ordercast.transport.packets import CLOSED, NOTHING, PROBED, message
from ordercast.transport.session import Session
from ordercast.transport.state import SessionState
from ordercast.transport.upgrade import Upgrade
from ordercast.transport.websocket import WebSocket
from tests.harness.application.hub import Clock, pair, turn_until
from tests.harness.clients.frames import client_frame

ENDINGS = [TransportEnding.CLOSED_BY_SERVER, TransportEnding.LOST, TransportEnding.LEFT]


class Sid(str):
    """To which a weak reference may be made."""


class Client:
    """A session on an engine, and the other end of its WebSocket."""

    def __init__(self) -> None:
        self.ended: list[Ending] = []
        self.gone: list[str] = []
        self.clock = Clock()
        self.engine = Engine(
            Limits(ping_interval=0),
            on_ended=self.ended.append,
            timers=self.clock,
            async_mode="gevent",
        )
        self.engine.handlers["disconnect"] = lambda _sid, reason: self.gone.append(reason)
        self.registry = self.engine.registry
        sid = Sid("sid")
        self.freed = weakref.ref(sid)
        self.session = self.registry.open(sid, "")
        self.registry.admit(self.session)
        raw, self.other_end = pair()
        self.raw = raw

    def websocket(self, owner: Any) -> WebSocket:
        return WebSocket(
            self.raw, owner, self.registry.lingering, max_message_bytes=1000, max_backlog_bytes=1000
        )

    def say(self, *texts: str) -> None:
        """On the WebSocket."""
        self.other_end.sendall(b"".join(client_frame(TEXT, text.encode()) for text in texts))

    def heard(self) -> bytes:
        try:
            return self.other_end.recv(1 << 16)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        self.session.end(TransportEnding.LOST)
        self.clock.strike()
        turn_until(lambda: self.session.incoming.is_idle, "its end is handled")
        self.raw.close()
        self.other_end.close()


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def polls(_client: Client) -> None:
    """It has begun so."""


def probes(client: Client) -> None:
    upgrade = Upgrade(client.session)
    websocket = client.websocket(upgrade)
    client.session.probe(upgrade, websocket)
    websocket.start()


def is_probed(client: Client) -> None:
    probes(client)
    client.say("2probe")
    turn_until(lambda: client.session.state is SessionState.PROBED, "it may move")
    assert client.heard() == PROBED.frame


def has_moved(client: Client) -> None:
    is_probed(client)
    client.say("5")
    turn_until(lambda: client.session.state is SessionState.WEBSOCKET, "it has moved")


def opens(client: Client) -> None:
    websocket = client.websocket(client.session)
    client.session.open(websocket)
    websocket.start()


STATES: dict[Callable[[Client], None], SessionState] = {
    polls: SessionState.POLLING,
    probes: SessionState.PROBING,
    is_probed: SessionState.PROBED,
    has_moved: SessionState.WEBSOCKET,
    opens: SessionState.WEBSOCKET,
}


@pytest.mark.parametrize("begin", STATES)
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_a_session_ends_once_whatever_its_state(
    client: Client, begin: Callable[[Client], None], ending: Ending
) -> None:
    begin(client)
    assert client.session.state is STATES[begin]
    client.session.end(ending)
    client.session.end(TransportEnding.FLOOD)
    assert client.session.closed
    turn_until(lambda: client.gone, "its disconnect handlers run")
    client.clock.strike()
    assert client.session.state is SessionState.CLOSED
    assert client.registry.sessions == {}
    assert (client.ended, client.gone) == ([ending], [ending.reason])


@pytest.mark.parametrize("fails", ["it says something else", "it is lost", "it takes too long"])
@pytest.mark.parametrize("begin", [probes, is_probed])
def test_when_an_upgrade_fails_the_client_may_poll_on_and_try_again(
    client: Client, begin: Callable[[Client], None], fails: str
) -> None:
    begin(client)
    if fails == "it says something else":
        client.say("6")
    elif fails == "it is lost":
        client.other_end.shutdown(socket.SHUT_WR)
    else:
        client.clock.strike()
    turn_until(lambda: client.session.state is SessionState.POLLING, "it polls again")
    client.session.send(message("tea"))
    assert [packet.data for packet in client.session.poll()] == ["4tea"]
    assert client.ended == []


@pytest.mark.parametrize("begin", [is_probed, has_moved])
def test_another_upgrade_that_is_refused_and_lost_changes_nothing(
    client: Client, begin: Callable[[Client], None]
) -> None:
    begin(client)
    raw, other_end = pair()
    refused = WebSocket(
        raw,
        Upgrade(client.session),
        client.registry.lingering,
        max_message_bytes=1000,
        max_backlog_bytes=1000,
    )
    other_end.close()
    refused.send(b"101")
    assert refused.closed
    assert client.session.state is STATES[begin]
    client.session.end(TransportEnding.CLOSED_BY_SERVER)
    client.say("5")
    turn_until(lambda: client.session.state is SessionState.CLOSED, "it has heard of the end")


def test_pieces_of_two_namespaces_are_both_told_to_be_taken(client: Client) -> None:
    told: list[str] = []
    assert not client.session.send_piece([message("a")], lambda: told.append("a"))
    assert not client.session.send_piece([message("b")], lambda: told.append("b"))
    assert [packet.data for packet in client.session.poll()] == ["4a", "4b"]
    assert told == ["a", "b"]
    client.session.send(message("c"))
    client.session.poll()
    assert told == ["a", "b"]


def test_a_handler_that_takes_too_long_by_its_own_timeout_stops_no_later_message(
    client: Client,
) -> None:
    handled: list[str] = []

    def handle(_sid: str, text: str) -> None:
        handled.append(text)
        if text == "a":
            raise gevent.Timeout

    client.engine.handlers["message"] = handle
    client.session.receive("4a")
    client.session.receive("4b")
    turn_until(lambda: client.session.incoming.is_idle, "both are handled")
    assert handled == ["a", "b"]


def test_during_an_upgrade_a_poll_does_not_wait(client: Client) -> None:
    probes(client)
    assert client.session.poll() == [NOTHING]


def test_a_poll_that_waits_ends_when_the_client_may_move(client: Client) -> None:
    poll = gevent.spawn(client.session.poll)
    gevent.sleep(0)
    is_probed(client)
    turn_until(poll.ready, "the poll ends")
    assert poll.value == [NOTHING]


def test_packets_that_waited_for_a_poll_move_along(client: Client) -> None:
    is_probed(client)
    client.session.send(message("tea"))
    client.say("5")
    turn_until(lambda: client.session.upgraded, "it has moved")
    assert client.heard() == frame(TEXT, b"4tea")


def test_a_client_that_moves_after_the_end_hears_of_it_on_the_websocket(client: Client) -> None:
    is_probed(client)
    client.session.end(TransportEnding.CLOSED_BY_SERVER)
    assert client.session.state is SessionState.ENDING
    client.say("5")
    turn_until(lambda: client.session.state is SessionState.CLOSED, "it has moved")
    assert client.heard().startswith(CLOSED.frame + frame(CLOSE, b"\x03\xe8"))


def test_a_polling_client_fetches_what_waits_and_then_the_end(client: Client) -> None:
    client.session.send(message("tea"))
    client.session.end(TransportEnding.CLOSED_BY_SERVER)
    assert client.session.owes_close
    assert [packet.data for packet in client.session.poll()] == ["4tea"]
    assert client.session.state is SessionState.ENDING
    assert client.session.poll() == [CLOSED]
    assert client.session.state is SessionState.CLOSED  # type: ignore[comparison-overlap]
    assert not client.session.owes_close


@pytest.mark.parametrize("begin", [polls, opens])
def test_a_session_that_is_over_is_freed_at_once(
    client: Client, begin: Callable[[Client], None]
) -> None:
    """And not when the collector, which is called seldom, finds a cycle."""
    begin(client)
    client.session.end(TransportEnding.LOST)
    turn_until(lambda: client.gone, "its disconnect handlers run")
    client.clock.strike()
    gc.disable()
    try:
        client.session = Session(client.registry, "another", "")
        assert client.freed() is None
    finally:
        gc.enable()

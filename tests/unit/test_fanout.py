"""To many sessions at once: each gets what sending to it alone would have given it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from ordercast.transport import Limits, send_all
from ordercast.transport.endings import Ending, TransportEnding
from ordercast.transport.engine import Engine
from ordercast.transport.frames import TEXT, frame
from ordercast.transport.packets import Packet, message
from ordercast.transport.session import Session
from ordercast.transport.websocket import WebSocket
from tests.harness.application.hub import Clock, pair, turn, turn_until

LIMIT = 300_000  # bytes that may wait for one
SMALL, HALF, LARGE = message("small"), message("x" * 200_000), message("x" * 600_000)
LAST = message("last")


class Twin:
    """A session and its client; over a WebSocket whose kernel takes little, unless it polls."""

    def __init__(self, engine: Engine, sid: str) -> None:
        self._registry = engine.registry
        self.session = Session(self._registry, sid, "")
        self._registry.sessions[sid] = self.session
        raw, self.client = pair()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._raw = raw
        self._read = b""

    def upgrade(self) -> WebSocket:
        websocket = WebSocket(
            self._raw,
            self.session,
            self._registry.lingering,
            max_message_bytes=1000,
            max_backlog_bytes=LIMIT,
        )
        self.session.open(websocket)
        return websocket

    def read(self) -> int:
        """Everything that is there now -> the bytes read in all."""
        with suppress(OSError):  # it would block, or is closed here
            while data := self.client.recv(1 << 20):
                self._read += data
        return len(self._read)

    def seen(self) -> tuple[object, ...]:
        """What the client has got, and how the session is."""
        polled = self.session._outbox
        waiting = () if polled is None else polled._backlog or ()
        outbox = [packet.data for packet in waiting]
        return self._read, outbox, self.session.closed

    def close(self) -> None:
        self._raw.close()  # a polling one's; the others are closed by now
        self.client.close()


def opens(twin: Twin) -> None:
    twin.upgrade()


def polls(_twin: Twin) -> None:
    pass


def has_a_backlog(twin: Twin) -> None:
    assert twin.upgrade().send(HALF.frame)


def had_a_backlog(twin: Twin) -> None:
    has_a_backlog(twin)
    turn_until(lambda: twin.read() == len(HALF.frame), "it is read")
    turn()


def closes(twin: Twin) -> None:
    """It has said CLOSE, and the client has not."""
    twin.upgrade().close()


def left(twin: Twin) -> None:
    twin.upgrade()
    twin.client.close()


def is_closed(twin: Twin) -> None:
    twin.upgrade()
    twin.session.end(TransportEnding.LOST)


STATES: list[Callable[[Twin], None]] = [
    opens,
    polls,
    has_a_backlog,
    had_a_backlog,
    closes,
    left,
    is_closed,
]


class Room:
    """A twin in each state, and how many were closed for being slow."""

    def __init__(self) -> None:
        self.slow = 0
        limits = Limits(max_backlog_bytes=LIMIT)
        self._clock = Clock()
        self._engine = Engine(
            limits, on_ended=self._count, timers=self._clock, async_mode="threading"
        )
        self._engine.handlers["disconnect"] = lambda _sid, _reason: None
        self.twins = [Twin(self._engine, state.__name__) for state in STATES]
        for twin, state in zip(self.twins, STATES, strict=True):
            state(twin)

    def _count(self, ending: Ending) -> None:
        self.slow += ending is TransportEnding.SLOW

    def sessions(self) -> list[Session]:
        return [twin.session for twin in self.twins]

    def settle(self) -> None:
        """Until every client has read what there is for it."""
        before = None
        while (now := [twin.read() for twin in self.twins]) != before:
            before = now
            turn()

    def close(self) -> None:
        for session in self.sessions():
            session.end(TransportEnding.LOST)
        self._clock.strike()
        turn()
        for twin in self.twins:
            twin.close()


@pytest.fixture
def make_room() -> Iterator[Callable[[], Room]]:
    made: list[Room] = []

    def make() -> Room:
        made.append(Room())
        return made[-1]

    yield make
    for room in made:
        room.close()


def test_each_gets_what_it_would_alone(make_room: Callable[[], Room]) -> None:
    together, alone = make_room(), make_room()
    for packet in (SMALL, HALF, SMALL, LARGE, LAST):
        send_all(together.sessions(), [packet])
        for session in alone.sessions():
            session.send(packet)
    together.settle()
    alone.settle()
    for one, other, state in zip(together.twins, alone.twins, STATES, strict=True):
        assert one.seen() == other.seen(), state.__name__
    assert together.slow == alone.slow > 0
    assert alone.twins[STATES.index(opens)].session.closed  # one that was full


@pytest.mark.parametrize("packet", [SMALL, HALF])
def test_a_frame_is_whole_and_in_its_place_however_much_the_kernel_takes(
    make_room: Callable[[], Room], packet: Packet
) -> None:
    room = make_room()
    sent = [packet, LAST]
    send_all(room.sessions(), sent)
    room.settle()
    expected = b"".join(frame(TEXT, str(one.data).encode()) for one in sent)
    before = {has_a_backlog: HALF.frame, had_a_backlog: HALF.frame}
    for twin, state in zip(room.twins, STATES, strict=True):
        if state is opens or (state in before and packet is SMALL):
            assert twin.seen()[0] == before.get(state, b"") + expected, state.__name__


def test_nothing_overtakes_a_backlog(make_room: Callable[[], Room]) -> None:
    """The race: the client has read, so the kernel would take more, and the hub has not turned."""
    room = make_room()
    twin = room.twins[STATES.index(has_a_backlog)]
    assert 0 < twin.read() < len(HALF.frame)
    send_all(room.sessions(), [LAST])
    room.settle()
    assert twin.seen()[0] == HALF.frame + LAST.frame


def test_of_one_that_leaves_the_others_hear_nothing(make_room: Callable[[], Room]) -> None:
    room = make_room()
    send_all(room.sessions(), [SMALL])
    gone = {state for twin, state in zip(room.twins, STATES, strict=True) if twin.session.closed}
    assert gone == {left, is_closed}

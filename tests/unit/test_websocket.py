"""A WebSocket on one end of a socket pair, and its client, who reads when the test says so."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from ordercast.transport.endings import CloseCode, Ending, TransportEnding
from ordercast.transport.frames import BINARY, CLOSE, PING, PONG, TEXT, frame
from ordercast.transport.lingering import LINGER_BYTES, MAX_LINGERING_CONNECTIONS, Lingering
from ordercast.transport.websocket import TURN_BYTES, WebSocket
from tests.harness.application.hub import Clock, pair, turn, turn_until
from tests.harness.clients.frames import client_frame

LIMIT = 1_000_000  # bytes that may wait
PIECE = frame(BINARY, bytes(range(256)) * 256)


class Line:
    """The WebSocket, its owner and its client."""

    def __init__(self) -> None:
        raw, self.client = pair()
        # Small, so that it takes little before it is full.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.descriptor = raw.fileno()
        self.clock = Clock()
        self.heard: list[Any] = []
        self.endings: list[Ending] = []
        self.overheads = 0
        self.drains = 0
        self.on_lost: Callable[[], None] = lambda: None
        self.websocket = WebSocket(
            raw,
            self,
            Lingering(self.clock),
            max_message_bytes=1000,
            max_backlog_bytes=LIMIT,
        )

    # -- as its owner

    def received(self, websocket: WebSocket, payload: str | bytes) -> None:
        assert websocket is self.websocket
        if payload == "fail":
            raise ZeroDivisionError
        self.heard.append(payload)

    def overhead(self, websocket: WebSocket) -> None:
        assert websocket is self.websocket
        self.overheads += 1

    def drained(self, websocket: WebSocket) -> None:
        assert websocket is self.websocket
        self.drains += 1

    def lost(self, websocket: WebSocket, ending: Ending) -> None:
        assert websocket is self.websocket
        self.endings.append(ending)
        self.on_lost()

    # -- as its client

    def read(self) -> bytes:
        """What is there now."""
        data = b""
        while True:
            try:
                more = self.client.recv(1 << 20)
            except BlockingIOError:
                return data
            if not more:
                return data
            data += more

    def read_until(self, size: int) -> bytes:
        """So many bytes, the hub turning meanwhile."""
        data = bytearray()

        def enough() -> bool:
            data.extend(self.read())
            return len(data) >= size

        turn_until(enough, f"{size} bytes")
        return bytes(data)

    def is_at_end(self) -> bool:
        """Whether the server has said that nothing more comes, and all is read."""
        try:
            return self.client.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False

    def fill(self) -> int:
        """Send until the kernel takes no more -> how many pieces."""
        for pieces in range(1, 100):
            assert self.websocket.send(PIECE)
            if pieces * len(PIECE) > LIMIT // 2:
                return pieces
        raise AssertionError

    def is_gone(self) -> bool:
        """Closed, down to the descriptor."""
        if not self.websocket.closed:
            return False
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(self.descriptor)
        return True


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.websocket.abort()
    line.clock.strike()
    line.client.close()
    assert line.websocket.closed


def closing(code: int, reason: str = "") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason.encode())


# Hearing.


def test_what_the_client_says_is_heard_in_order(line: Line) -> None:
    line.websocket.start()
    line.client.sendall(client_frame(TEXT, b"1") + client_frame(BINARY, b"2"))
    line.client.sendall(client_frame(TEXT, b"3"))
    turn_until(lambda: len(line.heard) == 3, "all of it")
    assert line.heard == ["1", b"2", "3"]


def test_what_came_with_the_handshake_is_heard_first(line: Line) -> None:
    line.client.sendall(client_frame(TEXT, b"2"))
    line.websocket.start(client_frame(TEXT, b"1"))
    assert line.heard == ["1"]
    turn_until(lambda: line.heard == ["1", "2"], "the rest")


def test_a_ping_is_answered_with_what_it_says(line: Line) -> None:
    line.websocket.start(client_frame(PING, b"?"))
    assert line.read() == frame(PONG, b"?")


def test_while_it_pauses_nothing_is_heard(line: Line) -> None:
    line.websocket.start()
    line.websocket.pause()
    line.client.sendall(client_frame(TEXT, b"1"))
    turn()
    assert line.heard == []
    line.websocket.resume()
    line.websocket.resume()
    turn_until(lambda: line.heard == ["1"], "it goes on")


def test_a_turn_takes_few_frames(line: Line) -> None:
    line.websocket.start()
    line.client.sendall(client_frame(PONG) * 5000)
    counts = []
    for _ in range(5):
        line.websocket._on_readable()
        counts.append(line.overheads)
    assert counts == [TURN_BYTES * turns // 6 for turns in range(1, 6)]
    turn_until(lambda: line.overheads == 5000, "all of them in the end")


def test_frames_without_a_message_are_counted_and_messages_are_not(line: Line) -> None:
    fragments = client_frame(TEXT, b"1", fin=False) + client_frame(0, b"", fin=False)
    stream = fragments + client_frame(PING) + client_frame(PONG) + client_frame(0, b"2")
    line.websocket.start(stream + client_frame(TEXT, b"") + client_frame(BINARY, b"3"))
    assert line.overheads == 4
    assert line.heard == ["12", "", b"3"]


# Sending.


def test_what_the_kernel_takes_goes_at_once(line: Line) -> None:
    assert line.websocket.send(b"abc")
    assert line.read() == b"abc"


def test_what_it_does_not_take_waits_and_comes_in_order(line: Line) -> None:
    pieces = line.fill()
    assert line.websocket.send(b"last")
    expected = PIECE * pieces + b"last"
    assert line.read_until(len(expected)) == expected
    # The backlog is over: what comes now goes at once again.
    assert line.websocket.send(b"and on")
    assert line.read() == b"and on"
    assert line.endings == []


def test_frames_may_go_around_it_only_while_nothing_waits_and_it_does_not_close(line: Line) -> None:
    assert line.websocket.direct is not None
    pieces = line.fill()
    assert line.websocket.direct is None
    line.read_until(pieces * len(PIECE))
    turn_until(lambda: line.websocket.direct is not None, "nothing waits any more")
    line.websocket.close()
    assert line.websocket.direct is None
    assert not line.websocket.closed


def test_frames_may_not_go_around_one_that_is_over(line: Line) -> None:
    line.websocket.abort()
    assert line.websocket.direct is None


def test_a_backlog_may_come_and_go(line: Line) -> None:
    for _ in range(3):
        pieces = line.fill()
        assert line.read_until(pieces * len(PIECE)) == PIECE * pieces


def test_for_whom_too_much_waits_is_given_up(line: Line) -> None:
    line.websocket.start()
    sent = 0
    while line.websocket.send(PIECE):
        sent += len(PIECE)
        assert sent < 3 * LIMIT
    assert sent >= LIMIT - len(PIECE)
    assert line.is_gone()
    assert line.endings == [TransportEnding.SLOW]
    assert line.websocket.send(PIECE)  # to nobody, and no complaint
    assert line.endings == [TransportEnding.SLOW]


def test_its_owner_is_told_when_nothing_waits_any_more(line: Line) -> None:
    assert line.websocket.send(PIECE[:10])
    assert line.drains == 0  # nothing had to wait
    for times in (1, 2):
        pieces = line.fill()
        line.read_until(pieces * len(PIECE) + (10 if times == 1 else 0))
        turn_until(lambda: line.drains == times, "it is told")  # noqa: B023


def test_what_is_not_counted_may_be_any_size_and_what_comes_behind_it_counts(line: Line) -> None:
    for _ in range(5):
        assert line.websocket.send(b"x" * LIMIT, counted=False)
    sent = 0
    while line.websocket.send(PIECE):
        sent += len(PIECE)
        assert sent < 2 * LIMIT
    assert sent >= LIMIT - len(PIECE)
    assert line.endings == [TransportEnding.SLOW]


def test_a_frame_that_waits_alone_is_within_the_limit(line: Line) -> None:
    """Or no client could ever get one that is larger."""
    large = b"x" * (3 * LIMIT)
    for _ in range(2):
        assert line.websocket.send(large)
        assert line.read_until(len(large)) == large
        turn_until(lambda: line.websocket.direct is not None, "nothing waits any more")
    assert line.websocket.send(large)
    assert line.websocket.send(PIECE)  # within the limit, but for what waited alone
    assert line.endings == []


def test_who_left_is_noticed_when_something_is_sent(line: Line) -> None:
    line.client.close()
    assert line.websocket.send(b"a")
    assert line.is_gone()
    assert line.endings == [TransportEnding.LOST]


def test_who_leaves_a_backlog_behind_is_noticed(line: Line) -> None:
    line.fill()
    line.client.close()
    turn_until(line.is_gone, "it is gone")
    assert line.endings == [TransportEnding.LOST]


# The end.


def test_the_clients_close_is_answered_with_its_code(line: Line) -> None:
    line.websocket.start(client_frame(CLOSE, b"\x0f\xa0bye") + client_frame(TEXT, b"late"))
    assert line.read() == closing(4000)
    assert line.is_at_end()
    assert line.is_gone()
    assert (line.endings, line.heard) == ([TransportEnding.LOST], [])


def test_a_connection_that_just_ends_is_the_clients_doing(line: Line) -> None:
    line.websocket.start()
    line.client.shutdown(socket.SHUT_WR)
    turn_until(line.is_gone, "it is gone")
    assert line.endings == [TransportEnding.LOST]


def test_a_close_comes_after_all_that_was_sent_and_waits_for_the_client(line: Line) -> None:
    line.websocket.start()
    pieces = line.fill()
    line.websocket.close(CloseCode.GOING_AWAY, "bye")
    assert line.websocket.send(b"too late")
    expected = PIECE * pieces + closing(1001, "bye")
    assert line.read_until(len(expected)) == expected
    turn_until(line.is_at_end, "nothing more comes")
    assert not line.websocket.closed
    line.client.sendall(client_frame(TEXT, b"too late") + client_frame(CLOSE, b"\x03\xe9"))
    line.client.shutdown(socket.SHUT_WR)
    turn_until(line.is_gone, "it is gone")
    assert (line.endings, line.heard) == ([], [])  # who closes knows


def test_a_client_that_does_not_close_is_not_waited_for_for_ever(line: Line) -> None:
    line.websocket.start()
    line.websocket.close()
    assert line.read() == closing(1000)
    assert not line.websocket.closed
    line.clock.strike()
    assert line.is_gone()


def test_what_a_client_goes_on_sending_stays_with_it_and_it_is_cut(line: Line) -> None:
    line.websocket.start(client_frame(TEXT, b"x", key=None))
    assert line.read() == closing(1002, "Frame not masked")
    sent = 0
    with suppress(BlockingIOError):
        while True:
            sent += line.client.send(bytes(65_536))
            turn()
            assert sent < 5_000_000
    assert line.websocket._lingering.left(line.websocket) <= 0
    line.websocket.resume()  # as handlers do that have caught up
    turn()
    with pytest.raises(BlockingIOError):
        line.client.send(bytes(65_536))
    line.clock.strike()
    assert line.is_gone()


def test_what_is_on_its_way_is_read_and_the_client_closes_in_peace(line: Line) -> None:
    line.websocket.start()
    line.websocket.close(CloseCode.GOING_AWAY)
    line.client.sendall(bytes(LINGER_BYTES // 2))
    line.client.shutdown(socket.SHUT_WR)
    turn_until(line.is_gone, "it is gone")
    assert line.read() == closing(1001)
    assert line.is_at_end()


def test_of_too_many_that_linger_the_oldest_is_cut(line: Line) -> None:
    others = [Line() for _ in range(MAX_LINGERING_CONNECTIONS)]
    for other in others:
        other.websocket._lingering = line.websocket._lingering
    for one in (line, *others):
        one.websocket.close()
    assert line.is_gone()
    assert len(others[0].websocket._lingering) == MAX_LINGERING_CONNECTIONS
    assert not others[0].websocket.closed
    for other in others:
        other.websocket.cut()
        other.client.close()
    assert len(others[0].websocket._lingering) == 0


def test_one_that_pauses_hears_its_client_close(line: Line) -> None:
    line.websocket.start()
    line.websocket.pause()
    line.websocket.close()
    line.client.shutdown(socket.SHUT_WR)
    turn_until(line.is_gone, "it is gone")


def test_who_breaks_the_rules_is_told_which_and_may_read_it(line: Line) -> None:
    line.on_lost = line.websocket.abort  # as a session does
    line.websocket.start(client_frame(TEXT, b"1") + client_frame(TEXT, b"x", key=None))
    assert line.heard == ["1"]
    assert line.endings == [TransportEnding.BAD_FRAME]
    assert line.read() == closing(1002, "Frame not masked")
    assert line.is_at_end()
    assert not line.websocket.closed  # closed now, what is unread would reset the connection
    line.client.shutdown(socket.SHUT_WR)
    turn_until(line.is_gone, "it is gone")
    assert line.endings == [TransportEnding.BAD_FRAME]


def test_a_message_that_is_too_large_is_refused_by_its_head(line: Line) -> None:
    line.websocket.start(client_frame(BINARY, declared=1 << 30))
    assert line.read() == closing(1009, "Message over 1000 bytes")


def test_an_owner_that_fails_costs_its_client_the_connection(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    line.websocket.start(client_frame(TEXT, b"fail") + client_frame(TEXT, b"2"))
    assert line.read() == closing(1011, "Internal error")
    assert (line.heard, line.endings) == ([], [TransportEnding.FAULT])
    assert [record.message for record in caplog.records] == ["message not taken"]


def test_an_abort_says_nothing(line: Line) -> None:
    line.websocket.start()
    line.websocket.abort()
    assert line.read() == b""
    assert line.is_at_end()
    assert line.is_gone()
    assert line.endings == []

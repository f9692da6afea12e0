"""A pipe between a client and the process of another host, on two socket pairs."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from ordercast.transport.pipe import PIECE_BYTES, Pipe
from tests.harness.application.hub import Clock, pair, turn, turn_until

LARGE = bytes(range(256)) * 40_000  # ten megabytes: more than all buffers between the two


class Piped:
    """The client's end, the owner's end, and the pipe between them."""

    def __init__(self) -> None:
        near_client, self.client = pair()
        near_owner, self.owner = pair()
        for end in (near_client, near_owner):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.clock = Clock()
        self.ended: list[Pipe] = []
        self.pipe = Pipe(near_client, near_owner, self.clock, self.ended.append, is_upgrade=False)
        self.pipe.start()


@pytest.fixture
def piped() -> Iterator[Piped]:
    piped = Piped()
    yield piped
    for end in (piped.pipe, piped.client, piped.owner):
        end.close()


def send(source: socket.socket, data: bytes) -> Callable[[], bool]:
    """Sends what the kernel takes -> whether all is sent, at each call."""
    rest = memoryview(data)

    def sent() -> bool:
        nonlocal rest
        with suppress(BlockingIOError):
            rest = rest[source.send(rest) :] if rest else rest
        return not rest

    return sent


def received(sink: socket.socket, size: int) -> bytes:
    data = bytearray()

    def enough() -> bool:
        with suppress(BlockingIOError):
            data.extend(sink.recv(1 << 20))
        return len(data) >= size

    turn_until(enough, f"{size} bytes")
    return bytes(data)


def is_at_end(end: socket.socket) -> bool:
    try:
        return end.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_side_that_does_not_read_stops_the_other_and_then_gets_all(
    piped: Piped, direction: str
) -> None:
    source, sink = (piped.client, piped.owner) if direction == "up" else (piped.owner, piped.client)
    sent = send(source, LARGE)
    for _ in range(200):
        sent()
        turn()
    assert not sent()  # what waits here is one piece, and the kernel's

    got = bytearray()
    while len(got) < len(LARGE):
        sent()
        got += received(sink, 1)

    assert bytes(got) == LARGE


def test_the_last_bytes_of_the_owner_reach_a_client_that_still_sends(piped: Piped) -> None:
    answer = LARGE[: 5 * PIECE_BYTES]
    sent = send(piped.owner, answer)
    got = bytearray()
    while not sent():
        got += received(piped.client, 1)
    piped.owner.close()

    piped.client.send(b"more")
    got += received(piped.client, len(answer) - len(got))

    assert bytes(got) == answer
    turn_until(lambda: is_at_end(piped.client), "the client's end")
    piped.client.send(b"and more")  # on its way when the answer came: it resets nothing
    turn()
    piped.client.close()
    turn_until(lambda: piped.ended == [piped.pipe], "the end")


def test_a_client_that_does_not_close_is_waited_for_no_longer_than_it_takes(piped: Piped) -> None:
    piped.owner.close()
    turn_until(lambda: is_at_end(piped.client), "the client's end")
    assert piped.ended == []

    piped.clock.strike()

    assert piped.ended == [piped.pipe]


@pytest.mark.parametrize("how", ["closes", "resets"])
def test_a_client_that_leaves_ends_its_request_at_the_owner(piped: Piped, how: str) -> None:
    if how == "resets":
        piped.owner.send(b"not read")
        turn()
    piped.client.close()

    turn_until(lambda: is_at_end(piped.owner), "the owner's end")

    assert piped.ended == [piped.pipe]
    piped.pipe.close()  # harmless
    assert piped.ended == [piped.pipe]

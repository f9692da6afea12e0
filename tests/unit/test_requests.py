"""HTTP connections: what was read of one, and what waits for the rest of a head."""

import gc
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ordercast.transport.requests import (
    IDLE_SECONDS,
    LAST_SECONDS,
    MAX_HEAD_BYTES,
    RequestReader,
    Waiting,
    close_idle,
    close_late,
)
from tests.harness.application.hub import pair, turn, turn_until
from tests.harness.clients.frames import chunks

HEAD = b"POST / HTTP/1.1\r\nHost: here\r\n\r\n"


class Chunks:
    """A connection on which so much comes at once."""

    def __init__(self, *data: bytes) -> None:
        self._data = list(data)

    def recv(self, size: int) -> bytes:
        if not self._data:
            return b""
        data, rest = self._data[0][:size], self._data[0][size:]
        self._data[:1] = [rest] if rest else []
        return data


def reader(*data: bytes) -> RequestReader:
    return RequestReader(Chunks(*data[1:]), data[0])


@given(
    stream=some.binary(max_size=60).map(lambda data: HEAD + data),
    cuts=some.lists(some.integers(1, 90), max_size=8),
    size=some.integers(0, 70),
)
def test_it_reads_the_same_wherever_the_stream_is_cut(
    stream: bytes, cuts: list[int], size: int
) -> None:
    read = reader(*(chunk for chunk in chunks(stream, cuts) if chunk))
    lines = [read.readline() for _ in range(3)]
    assert b"".join(lines) == HEAD
    assert read.raw()[: len(HEAD)] == HEAD
    body = stream[len(HEAD) :]
    assert read.read(size) == body[:size]
    rest = read.rest()
    assert body[size:].startswith(rest)
    assert read.read(1000) == body[size:]
    assert (read.read(1), read.readline()) == (b"", b"")


def test_a_line_has_a_limit_and_the_rest_of_it_stays() -> None:
    read = reader(b"abc", b"def\nghi")
    assert read.readline(4) == b"abcd"
    assert read.readline(4) == b"ef\n"
    assert read.readline() == b"ghi"


def test_a_request_as_it_came_has_what_came_behind_it() -> None:
    read = reader(HEAD[:5], HEAD[5:] + b"body")
    while read.readline() != b"\r\n":
        continue
    assert read.raw() == HEAD + b"body"
    assert read.rest() == b"body"


def test_the_next_request_begins_where_the_last_ended() -> None:
    read = reader(HEAD + b"ab" + HEAD)
    while read.readline() != b"\r\n":
        continue
    assert read.read(2) == b"ab"
    read.begin()
    assert read.raw() == read.rest() == HEAD


def test_of_a_large_body_nothing_is_kept() -> None:
    read = reader(b"", *[b"x" * 1000] * 100)
    for _ in range(100):
        assert len(read.read(1000)) == 1000
        assert len(read.raw()) <= 1000


# Waiting for a head.


class Door:
    """One connection that waits."""

    def __init__(self, *, is_new: bool = True) -> None:
        self.all: set[Waiting] = set()
        self.began: list[bytes] = []
        raw, self.client = pair()
        self._raw = raw
        self.waiting = Waiting(raw, "somebody", self._begin, is_new=is_new, all_waiting=self.all)

    def _begin(self, _socket: Any, address: Any, data: bytes) -> None:
        assert address == "somebody"
        self.began.append(data)

    def is_closed(self) -> bool:
        return self._raw.fileno() == -1

    def close(self) -> None:
        self.waiting.close()
        self._raw.close()
        self.client.close()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


@pytest.mark.parametrize("head", [HEAD, HEAD.replace(b"\r", b""), HEAD + b"body" + HEAD])
def test_a_request_begins_with_its_head(door: Door, head: bytes) -> None:
    door.client.sendall(head)
    door.waiting.read()
    assert door.began == [head]
    assert door.all == set()


def test_a_head_may_come_byte_by_byte(door: Door) -> None:
    door.waiting.read()
    for at in range(len(HEAD)):
        assert door.began == []
        door.client.sendall(HEAD[at : at + 1])
        turn()
    turn_until(lambda: door.began == [HEAD], "the request begins")


def test_what_was_sent_already_counts(door: Door) -> None:
    door.waiting.read(HEAD[:7])
    assert door.began == []
    door.client.sendall(HEAD[7:])
    turn_until(lambda: door.began == [HEAD], "the request begins")


def test_a_head_without_end_is_refused(door: Door) -> None:
    door.waiting.read(b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_BYTES)
    assert door.is_closed()
    assert door.client.recv(1000).startswith(b"HTTP/1.1 431 ")


def test_a_head_that_began_has_a_deadline_of_its_own(door: Door) -> None:
    before = door.waiting.due
    door.waiting.read(HEAD[:9])
    assert door.waiting.due < before
    soon = door.waiting.due
    door.waiting.read(HEAD[9:12])
    assert door.waiting.due == soon


@pytest.mark.parametrize("said", [b"", HEAD[:9]])
def test_who_says_nothing_more_is_let_go(door: Door, said: bytes) -> None:
    door.waiting.read(said)
    close_late(door.all)
    assert not door.is_closed()  # it has time
    door.waiting.due -= IDLE_SECONDS
    close_late(door.all)
    assert door.is_closed()
    assert door.all == set()


def test_a_deadline_that_comes_too_late_touches_nothing(door: Door) -> None:
    door.waiting.read(HEAD[:9])
    door.client.sendall(HEAD[9:])
    turn_until(lambda: door.began, "the request begins")
    door.waiting.due -= IDLE_SECONDS
    close_late(door.all)
    assert not door.is_closed()


@pytest.fixture
def used_door() -> Iterator[Door]:
    door = Door(is_new=False)
    yield door
    door.close()


def test_in_a_process_that_goes_who_is_between_two_requests_is_let_go(used_door: Door) -> None:
    close_idle(used_door.all, since=time.monotonic())
    assert used_door.is_closed()
    assert used_door.all == set()


def test_in_a_process_that_goes_what_is_here_is_begun(used_door: Door) -> None:
    used_door.client.sendall(HEAD)
    close_idle(used_door.all, since=time.monotonic())
    assert used_door.began == [HEAD]
    assert not used_door.is_closed()


def test_in_a_process_that_goes_a_new_connection_has_time(door: Door) -> None:
    close_idle(door.all, since=time.monotonic())
    assert not door.is_closed()
    door.waiting.new_until -= LAST_SECONDS
    close_idle(door.all, since=time.monotonic())
    assert door.is_closed()


def test_in_a_process_that_goes_a_head_that_began_has_time_from_then(used_door: Door) -> None:
    used_door.client.sendall(HEAD[:9])
    close_idle(used_door.all, since=time.monotonic())
    assert not used_door.is_closed()
    close_idle(used_door.all, since=time.monotonic() - LAST_SECONDS)
    assert used_door.is_closed()


@pytest.mark.parametrize("said", [b"", HEAD[:9]])
def test_who_leaves_is_forgotten(door: Door, said: bytes) -> None:
    door.waiting.read(said)
    door.client.shutdown(socket.SHUT_WR)
    turn_until(door.is_closed, "it is closed")
    assert (door.all, door.began) == (set(), [])


def test_nothing_is_kept_of_a_request_that_began(door: Door) -> None:
    door.waiting.read(HEAD)
    assert door.began == [HEAD]
    held = [one for one in gc.get_referents(door.waiting) if isinstance(one, bytes) and one]
    assert held == []

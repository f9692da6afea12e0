"""What one client may send in a second, and what may wait of it."""

import time
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from ordercast.transport.endings import Reason
from ordercast.transport.incoming import (
    MAX_INCOMING_BYTES,
    MAX_INCOMING_MESSAGES,
    OVERHEAD_LEAST,
    OVERHEAD_PER_MESSAGE,
    TURN_SECONDS,
    Gone,
    Incoming,
)
from tests.harness.application.hub import turn_until


def allowed(ask: Callable[[float], bool], rate: float) -> tuple[int, float]:
    """How many in a row, at once or nearly -> the count, and the seconds that it took."""
    began = time.monotonic()
    count = next(count for count in range(100_000) if not ask(rate))
    return count, time.monotonic() - began


@pytest.mark.parametrize("rate", [1, 3, 7, 10, 49, 50, 1000])
def test_as_many_messages_as_a_second_allows_come_at_once(rate: float) -> None:
    count, seconds = allowed(Incoming().allows, rate)
    assert rate <= count <= rate * (1 + seconds) + 1


def test_what_brings_no_message_costs_less_and_has_an_allowance_of_its_own() -> None:
    incoming = Incoming()
    allowed(incoming.allows, 10)
    for rate, per_second in ((10, 10 * OVERHEAD_PER_MESSAGE), (1, OVERHEAD_LEAST)):
        count, seconds = allowed(Incoming().allows_overhead, rate)
        assert per_second <= count <= per_second * (1 + seconds) + 1
    assert incoming.allows_overhead(10)


def test_zero_is_no_limit() -> None:
    incoming = Incoming()
    assert all(incoming.allows(0) and incoming.allows_overhead(0) for _ in range(10_000))


class Reader:
    """A client that is read from, or not while it is behind."""

    paused = False

    def resume(self) -> None:
        self.paused = False


class Handlers:
    """`handle` is called with each item."""

    def __init__(self, handle: Callable[[Any], None] = lambda _: None) -> None:
        self._handle = handle

    def spawn(self, work: Callable[[], None]) -> gevent.Greenlet:
        return gevent.spawn(work)

    def handle(self, _client: Reader, item: Any) -> None:
        self._handle(item)


def filled(*items: Any) -> Incoming:
    """Messages whose handlers have not begun."""
    incoming = Incoming()
    for item in items:
        incoming.put(item, Reader(), Handlers())
    return incoming


def test_it_is_full_by_number_and_by_bytes() -> None:
    filled_ones = [
        filled(*["x"] * (MAX_INCOMING_MESSAGES - 1)),
        filled(*["x"] * MAX_INCOMING_MESSAGES),
        filled("x" * (MAX_INCOMING_BYTES - 1), Gone(Reason.CLIENT_DISCONNECT)),
        filled("x" * (MAX_INCOMING_BYTES // 2), b"x" * (MAX_INCOMING_BYTES // 2)),
    ]
    assert [incoming.is_full for incoming in filled_ones] == [False, True, False, True]
    turn_until(lambda: all(incoming.is_idle for incoming in filled_ones), "all are emptied")
    assert not any(incoming.is_full for incoming in filled_ones)


def test_between_a_clients_messages_the_others_have_a_turn() -> None:
    handled: list[str] = []

    def busy(item: str) -> None:
        handled.append(item)
        until = time.monotonic() + 2 * TURN_SECONDS
        while time.monotonic() < until:
            pass

    first, second = Incoming(), Incoming()
    for item in "abc":
        first.put(item, Reader(), Handlers(busy))
        second.put(item.upper(), Reader(), Handlers(busy))
    turn_until(lambda: len(handled) == 6, "all are handled")
    assert handled == ["a", "A", "b", "B", "c", "C"]


def test_a_client_that_was_behind_is_read_again_when_half_is_handled() -> None:
    client, incoming = Reader(), Incoming()
    left: list[int] = []

    def handle(item: Any) -> None:
        if client.paused:
            left.append(item)

    for item in range(MAX_INCOMING_MESSAGES):
        incoming.put(str(item), client, Handlers(handle))
    assert incoming.is_full
    client.paused = True
    turn_until(lambda: incoming.is_idle, "all are handled")
    assert not client.paused
    assert len(left) == MAX_INCOMING_MESSAGES // 2

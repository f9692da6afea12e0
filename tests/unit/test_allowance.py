"""What one client may send in a second, and what may wait of it."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ordercast.transport.inbox import (
    MAX_INBOX,
    MAX_INBOX_BYTES,
    OVERHEAD_LEAST,
    OVERHEAD_PER_MESSAGE,
    TURN_SECONDS,
    Gone,
    Inbox,
)
from tests.harness.application.hub import turn_until


def allowed(ask: Callable[[float], bool], rate: float) -> tuple[int, float]:
    """How many in a row, at once or nearly -> the count, and the seconds that it took."""
    began = time.monotonic()
    count = next(count for count in range(100_000) if not ask(rate))
    return count, time.monotonic() - began


@pytest.mark.parametrize("rate", [1, 3, 7, 10, 49, 50, 1000])
def test_as_many_messages_as_a_second_allows_come_at_once(rate: float) -> None:
    count, seconds = allowed(Inbox().allows, rate)
    assert rate <= count <= rate * (1 + seconds) + 1


def test_what_brings_no_message_costs_less_and_has_an_allowance_of_its_own() -> None:
    inbox = Inbox()
    allowed(inbox.allows, 10)
    for rate, per_second in ((10, 10 * OVERHEAD_PER_MESSAGE), (1, OVERHEAD_LEAST)):
        count, seconds = allowed(Inbox().allows_overhead, rate)
        assert per_second <= count <= per_second * (1 + seconds) + 1
    assert inbox.allows_overhead(10)


def test_zero_is_no_limit() -> None:
    inbox = Inbox()
    assert all(inbox.allows(0) and inbox.allows_overhead(0) for _ in range(10_000))


def filled(*items: Any) -> Inbox:
    """An inbox whose handlers have not begun."""
    inbox = Inbox()
    session: Any = SimpleNamespace(
        websocket=None, engine=SimpleNamespace(working=0, dispatch=lambda *_: None)
    )
    for item in items:
        inbox.put(item, session)
    return inbox


def test_it_is_full_by_number_and_by_bytes() -> None:
    inboxes = [
        filled(*["x"] * (MAX_INBOX - 1)),
        filled(*["x"] * MAX_INBOX),
        filled("x" * (MAX_INBOX_BYTES - 1), Gone("left")),
        filled("x" * (MAX_INBOX_BYTES // 2), b"x" * (MAX_INBOX_BYTES // 2)),
    ]
    assert [inbox.is_full for inbox in inboxes] == [False, True, False, True]
    turn_until(lambda: all(inbox._items is None for inbox in inboxes), "all are emptied")
    assert not any(inbox.is_full for inbox in inboxes)


def test_between_a_clients_messages_the_others_have_a_turn() -> None:
    handled: list[str] = []

    def busy(_session: Any, item: str) -> None:
        handled.append(item)
        until = time.monotonic() + 2 * TURN_SECONDS
        while time.monotonic() < until:
            pass

    engine = SimpleNamespace(working=0, dispatch=busy)
    session: Any = SimpleNamespace(websocket=None, engine=engine)
    first, second = Inbox(), Inbox()
    for item in "abc":
        first.put(item, session)
        second.put(item.upper(), session)
    turn_until(lambda: len(handled) == 6, "all are handled")
    assert handled == ["a", "A", "b", "B", "c", "C"]

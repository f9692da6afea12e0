"""The moves of an order: the table against the contract, and random walks through it."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.events import Status
from app.orders.errors import InvalidTransition
from app.orders.states import CUSTOMER_MOVES, NEXT, RESTOCKS

STEPS = some.lists(some.integers(min_value=0, max_value=9), max_size=20)


def reachable(start: Status) -> set[Status]:
    found, waiting = {start}, [start]
    while waiting:
        new = NEXT[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def walk(steps: list[int]) -> list[Status]:
    """From pending, each step one of the allowed moves, until there is none."""
    path = [Status.PENDING]
    for step in steps:
        allowed = sorted(NEXT[path[-1]])
        if not allowed:
            break
        path.append(allowed[step % len(allowed)])
    return path


def test_every_status_says_where_it_may_go() -> None:
    assert set(NEXT) == set(Status)


def test_every_status_is_reachable_from_pending() -> None:
    assert reachable(Status.PENDING) == set(Status)


def test_nothing_goes_back_to_pending_and_nothing_stays() -> None:
    assert not any(Status.PENDING in allowed for allowed in NEXT.values())
    assert not any(status in allowed for status, allowed in NEXT.items())


def test_cancelled_and_refunded_are_the_ends() -> None:
    assert {status for status, allowed in NEXT.items() if not allowed} == {
        Status.CANCELLED,
        Status.REFUNDED,
    }


def test_what_was_shipped_cannot_be_cancelled_any_more() -> None:
    for status in (Status.SHIPPED, Status.DELIVERED, Status.REFUNDED):
        assert Status.CANCELLED not in reachable(status)


def test_only_what_was_delivered_can_be_refunded() -> None:
    assert [status for status in Status if Status.REFUNDED in NEXT[status]] == [Status.DELIVERED]


def test_a_customer_may_cancel_while_pending_and_nothing_else() -> None:
    assert list(CUSTOMER_MOVES) == [(Status.PENDING, Status.CANCELLED)]


def test_the_ends_that_give_the_items_back_are_all_the_ends() -> None:
    assert {status for status, allowed in NEXT.items() if not allowed} == RESTOCKS


@given(STEPS)
def test_a_walk_never_visits_a_status_twice_and_restocks_at_most_once(steps: list[int]) -> None:
    path = walk(steps)
    assert len(set(path)) == len(path)
    assert sum(status in RESTOCKS for status in path) <= 1


@given(STEPS)
def test_a_walk_that_is_long_enough_comes_to_an_end(steps: list[int]) -> None:
    assert NEXT[walk(steps + [0] * len(Status))[-1]] == frozenset()


@pytest.mark.parametrize("current", Status)
def test_a_refused_move_says_what_would_be_allowed(current: Status) -> None:
    error = InvalidTransition(current, Status.PENDING)
    assert error.code == "invalid_transition"
    assert error.details == {
        "current": current,
        "wanted": Status.PENDING,
        "allowed": sorted(NEXT[current]),
    }

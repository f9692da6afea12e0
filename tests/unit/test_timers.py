"""The one timer for all deadlines. How long it takes is not looked at, only what comes first."""

import logging

import pytest

from ordercast.transport.timers import Timers
from tests.harness.application.hub import turn_until


def test_the_earlier_deadline_comes_first_whenever_it_was_made() -> None:
    timers, rung = Timers(), list[str]()
    timers.after(0.03, rung.append, "late")
    timers.after(0.01, rung.append, "early")
    timers.after(0.02, rung.append, "between")
    turn_until(lambda: len(rung) == 3, "all three")
    assert rung == ["early", "between", "late"]


def test_of_two_at_once_the_one_made_first_comes_first() -> None:
    timers, rung = Timers(), list[int]()
    for number in range(20):
        timers.after(0, rung.append, number)
    turn_until(lambda: len(rung) == 20, "all of them")
    assert rung == list(range(20))


def test_nothing_comes_before_the_hub_turns() -> None:
    timers, rung = Timers(), list[str]()
    timers.after(-1, rung.append, "overdue")
    assert rung == []
    turn_until(lambda: rung, "the one")


def test_a_deadline_may_set_the_next() -> None:
    timers, rung = Timers(), list[int]()

    def again(number: int) -> None:
        rung.append(number)
        if number:
            timers.after(0.001, again, number - 1)

    timers.after(0, again, 5)
    timers.after(0.002, rung.append, 100)
    turn_until(lambda: len(rung) == 7, "all of them")
    assert [number for number in rung if number != 100] == [5, 4, 3, 2, 1, 0]


def test_one_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    timers, rung = Timers(), list[int]()

    def fail(number: int) -> None:
        raise ZeroDivisionError(number)

    with caplog.at_level(logging.ERROR):
        timers.after(0, fail, 1)
        timers.after(0, rung.append, 2)
        turn_until(lambda: rung, "the other")
    assert [record.message for record in caplog.records] == ["a deadline was not kept"]


def test_after_a_silence_it_rings_again() -> None:
    timers, rung = Timers(), list[int]()
    for number in range(3):
        timers.after(0, rung.append, number)
        turn_until(lambda: rung and rung[-1] == number, "the next")  # noqa: B023

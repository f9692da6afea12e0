"""`ordercast:ack`: what clients say that they have applied, in a process of a team's app."""

from collections.abc import Callable
from secrets import token_hex
from typing import Any

import pytest

from tests.harness.application.tabs import Tab
from tests.harness.application.team import ALICE, StartTeam, TeamProcess

ACK = "ordercast:ack"


@pytest.fixture
def process(start_team: StartTeam) -> TeamProcess:
    return start_team(REDIS_PREFIX=f"acks-{token_hex(4)}")


@pytest.fixture
def state(process: TeamProcess) -> Callable[[], tuple[str, str]]:
    """What is said of the event 2."""

    def asked() -> tuple[str, str]:
        process.note()
        [receipt] = process.cast.trace(offset=2).events[0].receipts
        return receipt.state, receipt.why

    return asked


def test_an_event_is_read_when_its_offset_or_a_later_one_was_acknowledged(
    process: TeamProcess, state: Callable[[], tuple[str, str]]
) -> None:
    tab = Tab(ALICE).connect(process, rooms=["food"])
    process.happen("food", "food", "drink")

    process.say(tab, ACK, "1")
    assert state() == ("sent", "sent, not acknowledged")
    process.say(tab, ACK, "3")
    assert state() == ("read", "acknowledged up to 3")
    process.say(tab, ACK, "2")  # late
    assert state() == ("read", "acknowledged up to 3")


@pytest.mark.parametrize(
    "bad",
    [
        "3",
        "9" * 19,
        "9" * 20,
        "-1",
        "1.5",
        "",
        "x",
        "\u0662",
        2,
        None,
        True,
        ["2"],
        {"offset": "2"},
    ],
)
def test_what_is_no_offset_that_was_given_is_refused_and_harms_nothing(
    process: TeamProcess, state: Callable[[], tuple[str, str]], bad: Any
) -> None:
    tab = Tab(ALICE).connect(process, rooms=["food"])
    process.happen("food", "food")
    process.say(tab, ACK, "1")

    process.say(tab, ACK, bad)
    process.say(tab, ACK)
    process.say(tab, ACK, bad, "more", {})

    assert state() == ("sent", "sent, not acknowledged")
    process.happen("food")
    tab.read()
    assert tab.offsets == [1, 2, 3]


def test_it_reaches_no_handler_of_the_team(process: TeamProcess) -> None:
    heard: list[str] = []
    process.socketio.on_event("*", lambda name, *_: heard.append(name))
    tab = Tab(ALICE).connect(process)
    process.say(tab, ACK, "0")
    process.say(tab, "hello", "0")
    assert heard == ["hello"]

"""The checker of `flask ordercast prove` sees what it is for."""

import pytest

from ordercast.proof.report import Report
from ordercast.proof.transcript import Faults, Place, faults, journal_faults

COMMITTED = [Place(11, 1), Place(12, 2), Place(15, 3), Place(16, 4)]
FIRST, SECOND, THIRD, FOURTH = COMMITTED


@pytest.mark.parametrize(
    ("received", "found"),
    [
        pytest.param([FIRST, SECOND, THIRD, FOURTH], Faults(), id="all, once, in order"),
        pytest.param([FIRST, SECOND, FOURTH], Faults(lost=1), id="missing"),
        pytest.param([], Faults(lost=4), id="nothing"),
        pytest.param([FIRST, SECOND, SECOND, THIRD, FOURTH], Faults(doubled=1), id="doubled"),
        pytest.param(
            [FIRST, SECOND, THIRD, FOURTH, SECOND], Faults(doubled=1), id="replayed once too often"
        ),
        pytest.param([FIRST, THIRD, SECOND, FOURTH], Faults(out_of_order=1), id="reordered"),
        pytest.param(
            [FOURTH, FIRST, SECOND, THIRD], Faults(out_of_order=3), id="the last before all"
        ),
        pytest.param(
            [FIRST, SECOND, THIRD, Place(17, 4)],
            Faults(lost=1, strange=1),
            id="another event at a position",
        ),
    ],
)
def test_a_client_that_did_not_get_what_the_journal_has_is_seen(
    received: list[Place], found: Faults
) -> None:
    assert faults(COMMITTED, received) == found


def test_an_event_that_was_accepted_and_is_not_in_the_journal_is_seen() -> None:
    assert journal_faults([1, 2, 3], [1, 3]) == Faults(lost=1)


def test_an_event_that_is_in_the_journal_twice_is_seen() -> None:
    assert journal_faults([1, 2], [1, 2, 2]) == Faults(doubled=1)


def test_an_event_whose_commit_was_answered_by_an_error_may_be_in_the_journal() -> None:
    assert journal_faults([1], [1, 2]) == Faults()


def report(**changes: object) -> Report:
    usual: dict[str, object] = {
        "seconds": 60.0,
        "seed": 1,
        "clients": {"websocket": 4, "polling": 4},
        "events": {"in a transaction": 1200, "unknown": 0},
        "deliveries": 2400,
        "faults": {"connections cut": 100},
        "journal": Faults(),
        "received": Faults(),
        "unrecovered": 0,
        "not_back": [],
        "longest_away_seconds": 0.5,
        "longest_wait_seconds": 2.5,
        "problems": [],
    }
    return Report(**{**usual, **changes})  # type: ignore[arg-type]


def test_a_proof_without_a_fault_is_proven_and_the_exit_code_is_0() -> None:
    assert report().exit_code == 0
    assert list(report().lines())[-1] == "PROVEN"


@pytest.mark.parametrize(
    "changes",
    [
        {"received": Faults(lost=1)},
        {"received": Faults(out_of_order=1)},
        {"journal": Faults(doubled=1)},
        {"unrecovered": 1},
        {"not_back": ["web"]},
        {"deliveries": 0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_any_of_these_is_not_proven_and_the_exit_code_is_1(changes: dict[str, object]) -> None:
    assert report(**changes).exit_code == 1
    assert list(report(**changes).lines())[-1] == "NOT PROVEN"

"""What the doctor is asked: the library's examinations, and a team's own beside them."""

import orjson
import pytest

from ordercast import Doubtful, Examination, Finding, Level, Report, Unhealthy


def well(text: str) -> Examination:
    return Examination("printers", lambda: text)


def ill(error: Unhealthy) -> Examination:
    def ask() -> str:
        raise error

    return Examination("printers", ask, seconds=2)


def test_two_under_one_name_are_one_line() -> None:
    both = well("inked").and_also(well("online"))
    assert (both.name, both.ask(), both.seconds) == ("printers", "inked; online", 12)


def test_the_first_complaint_of_the_two_counts() -> None:
    jam = Unhealthy("a jam", "Open the tray.")
    for both in (ill(jam).and_also(well("online")), well("inked").and_also(ill(jam))):
        with pytest.raises(Unhealthy, match="a jam"):
            both.ask()


@pytest.mark.parametrize(
    ("levels", "worst", "exit_code"),
    [
        ((), Level.OK, 0),
        ((Level.OK, Level.OK), Level.OK, 0),
        ((Level.WARN, Level.OK), Level.WARN, 0),
        ((Level.FAIL, Level.WARN, Level.OK), Level.FAIL, 1),
    ],
)
def test_the_worst_level_counts_and_a_warning_is_no_failure(
    levels: tuple[Level, ...], worst: Level, exit_code: int
) -> None:
    reports = [Report(Finding("printers", level, "inked") for level in levels) for _ in range(2)]
    assert len(list(reports[0].lines())) == len(orjson.loads(reports[1].json())["findings"])
    for report in reports:
        assert (report.level, report.exit_code) == (worst, exit_code)


def test_a_doubt_is_a_warning() -> None:
    assert (Unhealthy.level, Doubtful.level) == (Level.FAIL, Level.WARN)

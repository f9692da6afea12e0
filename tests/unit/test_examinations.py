"""What the doctor is asked: the library's examinations, and a team's own beside them."""

import pytest

from ordercast import Doubtful, Examination, Level, Unhealthy


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


def test_a_doubt_is_a_warning() -> None:
    assert (Unhealthy.level, Doubtful.level) == (Level.FAIL, Level.WARN)

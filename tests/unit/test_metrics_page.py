"""The series: each is declared with what to conclude from it, and named as others name theirs."""

import re

import pytest

from ordercast.endings import ENDINGS
from ordercast.live.outcome import Outcome
from tools.metrics import FILE, Series, declared, with_tables

SERIES = list(declared())


def conclusion_of(name: str) -> str:
    [found] = [series.conclusion for series in SERIES if series.name == name]
    return found


@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_a_series_says_what_to_conclude(series: Series) -> None:
    assert series.conclusion.endswith(".")
    assert series.meaning.endswith((".", ":"))


@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_a_counter_is_a_total_and_nothing_else_is(series: Series) -> None:
    assert series.name.startswith("ordercast_")
    assert series.name.endswith("_total") == (series.kind == "counter")


def test_no_series_is_declared_twice() -> None:
    assert len({series.name for series in SERIES}) == len(SERIES)


def test_the_page_is_made_of_the_declarations() -> None:
    assert with_tables(FILE.read_text()) == FILE.read_text()


def test_the_endings_and_outcomes_that_the_page_names_exist() -> None:
    endings = {ending.name.lower() for ending in ENDINGS}
    named = re.findall("`([a-z_]+)`", conclusion_of("ordercast_connections_ended_total"))
    assert named
    assert set(named) <= endings
    named = re.findall("`([a-z_]+)`", conclusion_of("ordercast_recoveries_total"))
    assert named
    assert set(named) <= set(Outcome)

"""Recovery: what a client may claim to have. Whatever it says, it gets all or nothing, once."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.db import MAX_ROW_ID
from tests.harness.application.tabs import ALICE, Start, Tab, WebProcess, append, published
from tests.harness.faults.races import right_after

COUNT = 6  # events in the journal, all of them alice's

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
offsets = json_values | st.integers(-3, COUNT + 3).map(str) | st.integers().map(str)


@pytest.fixture
def first_pid(process: WebProcess) -> str | None:
    """Of a client that was there before the first event."""
    tab = Tab(ALICE).connect(process).cut()
    append("user:1", COUNT)
    process.hear(*published())
    return tab.pid


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(offset=offsets)
@example("0")
@example("007")
@example("+1")
@example("1_0")
@example(" 1")
@example("1.0")
@example("٣")
@example("²")
@example(3)
@example(True)
@example(str(MAX_ROW_ID))
@example(str(MAX_ROW_ID + 1))
@example("9" * 19)
@example("9" * 5000)
@example("-1")
def test_any_offset_gives_all_or_nothing(process: WebProcess, first_pid: str, offset: Any) -> None:
    tab = Tab(ALICE, pid=first_pid).connect(process, offset=json.loads(json.dumps(offset)))
    good = offset is None or (
        isinstance(offset, str)
        and offset.isascii()
        and offset.isdecimal()
        and len(offset) <= 19
        and int(offset) <= COUNT
    )
    assert tab.recovered is good
    assert tab.offsets == (list(range(int(offset or 0) + 1, COUNT + 1)) if good else [])
    tab.cut()


@pytest.mark.parametrize("pid", [None, 5, "", "x", "a.b", ["a"], {"a": 1}, True, "x" * 9999])
def test_a_bad_pid_is_a_new_start(process: WebProcess, pid: Any) -> None:
    append("user:1")
    process.hear(*published())
    tab = Tab(ALICE).connect(process, pid=pid, offset="0")
    assert not tab.recovered
    assert tab.got == []
    assert tab.cut().connect(process).recovered


def test_an_offset_without_a_pid_is_a_new_start(process: WebProcess) -> None:
    append("user:1")
    process.hear(*published())
    tab = Tab(ALICE).connect(process, offset="0")
    assert not tab.recovered
    assert tab.got == []


def test_an_offset_that_is_older_than_the_pid_counts_as_none(process: WebProcess) -> None:
    """The client keeps its offset through a connect that was not recovered."""
    append("user:1", 3)
    process.hear(*published())
    tab = Tab(ALICE, pid="garbage", offset="1").connect(process).cut()
    assert not tab.recovered
    assert tab.offset == "1"
    append("user:1")
    process.hear(*published())
    assert tab.connect(process).recovered
    assert tab.offsets == [4]


def test_an_offset_from_the_future_of_the_journal_is_a_new_start(process: WebProcess) -> None:
    tab = Tab(ALICE).connect(process).cut()
    append("user:1", 2)
    process.hear(*published())
    tab.connect(process, offset="3")
    assert not tab.recovered
    assert tab.got == []
    append("user:1", 2)
    process.hear(*published())
    tab.read()
    assert tab.offsets == [3, 4]  # 3 is new to it, whatever it said


def test_one_that_comes_from_a_process_that_was_further_gets_nothing_twice(start: Start) -> None:
    ahead, behind = start(), start()
    tab = Tab(ALICE).connect(ahead)
    append("user:1", 3)
    messages = published()
    ahead.hear(*messages)
    tab.read()
    assert tab.offset == "3"

    tab.cut().connect(behind)

    assert tab.recovered
    assert tab.got == []
    behind.emit("typing", "bob", room="user:1")
    tab.read()
    assert tab.offset == "3"  # not back to what this process has fanned out
    behind.hear(*messages)
    append("user:1")
    behind.hear(*published())
    tab.read()
    assert tab.offsets == [4]
    assert tab.cut().connect(ahead).got == []


@pytest.mark.parametrize("meanwhile", ["events", "an ephemeral event"])
def test_nothing_is_doubled_when_the_process_catches_up_during_the_connect(
    start: Start, meanwhile: str
) -> None:
    """The race: the client is ahead; while its offset is compared with the journal's head, the
    events that it has are fanned out here."""
    ahead, behind = start(), start()
    tab = Tab(ALICE).connect(ahead)
    append("user:1", 3)
    messages = published()
    ahead.hear(*messages)
    tab.read()
    tab.cut()

    def catch_up() -> None:
        if meanwhile == "events":
            behind.hear(*messages)
        else:
            behind.emit("typing", "bob", room="user:1")

    with right_after(behind.database, "FROM ordercast_head", catch_up):
        tab.connect(behind)

    assert tab.recovered
    assert tab.offsets == []
    assert tab.offset == "3"
    behind.hear(*messages)
    tab.read()
    assert tab.offsets == []

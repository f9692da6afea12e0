"""Recovery: all or nothing. Too old, too many, or gone while it was being read."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.db import db, now
from ordercast.live.follower import Follower
from tests.harness.application import journal
from tests.harness.application.journal import prune
from tests.harness.application.tabs import ALICE, Start, Tab, append, published
from tests.harness.faults.races import right_after


def prune_all(app: Flask, count: int = 1000) -> Callable[[], object]:
    """Prune so many of the oldest, whatever their age, in a context of its own."""

    def run() -> None:
        with app.app_context():
            prune(now() + timedelta(minutes=1), limit=count)

    return run


def test_what_was_pruned_is_too_old(start: Start, app: Flask) -> None:
    tab = Tab(ALICE).connect(start()).cut()
    append("user:1", 5)
    published()
    prune_all(app, 2)()

    tab.connect(start())

    assert not tab.recovered
    assert tab.got == []


def test_the_lowest_that_is_kept_is_not_too_old(start: Start, app: Flask) -> None:
    tab = Tab(ALICE).connect(start())
    append("user:1", 5)
    published()
    prune_all(app, 2)()
    for offset, recovered in (("1", False), ("2", True)):
        again = Tab(ALICE, pid=tab.pid, offset=offset).connect(start(ring=0))
        assert again.recovered is recovered
        assert again.offsets == ([3, 4, 5] if recovered else [])


def test_memory_outlives_pruning(start: Start, app: Flask) -> None:
    process = start()
    tab = Tab(ALICE).connect(process).cut()
    append("user:1", 5)
    process.hear(*published())
    prune_all(app)()
    assert tab.connect(process).recovered
    assert tab.offsets == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("read", ["FROM ordercast_head", "FROM ordercast_events"])
def test_what_is_pruned_while_it_is_read_is_never_half_there(
    start: Start, app: Flask, read: str
) -> None:
    """The race: between the check of the lowest position and the read, or right after the read,
    the worker prunes."""
    process = start(ring=1)
    tab = Tab(ALICE).connect(process).cut()
    append("user:1", 5)
    process.hear(*published())

    with right_after(process.database, read, prune_all(app, 3)):
        tab.connect(process)

    assert tab.offsets == ([1, 2, 3, 4, 5] if tab.recovered else [])


@pytest.mark.parametrize("ring", [100, 1], ids=["memory", "journal"])
def test_exactly_the_cap_is_replayed_and_one_more_gives_nothing(start: Start, ring: int) -> None:
    process = start(ring=ring, RECOVERY_MAX_EVENTS=3)
    tab = Tab(ALICE).connect(process).cut()
    append("user:1", 3)
    append("user:3", 9)  # other people's do not count
    process.hear(*published())
    pid = tab.pid

    tab.connect(process)
    assert tab.recovered
    assert tab.offsets == [1, 2, 3]

    late = Tab(ALICE, pid=pid).connect(process)
    assert late.offsets == [1, 2, 3]
    append("user:1")
    process.hear(*published())
    later = Tab(ALICE, pid=pid).connect(process)
    assert not later.recovered
    assert later.pid != pid
    assert later.got == []

    append("user:1")
    process.hear(*published())
    later.read()
    assert later.offsets == [14]


def test_without_a_cap_everything_is_replayed(start: Start) -> None:
    process = start(ring=1, RECOVERY_MAX_EVENTS=0)
    tab = Tab(ALICE).connect(process).cut()
    append("user:1", 1500)
    process.hear(*published())
    assert tab.connect(process).recovered
    assert tab.offsets == list(range(1, 1501))


def test_a_process_that_slept_through_the_pruning_closes_its_connections(
    start: Start, app: Flask
) -> None:
    """They have missed something that exists nowhere any more, and so has its memory."""
    process = start()
    append("user:1", 2)
    process.hear(*published())
    tab = Tab(ALICE).connect(process)
    append("user:1", 4)
    published()  # lost
    prune_all(app, 5)()

    process.catch_up()

    assert tab.engine is not None
    assert tab.engine.closed
    tab.connect(process)
    assert not tab.recovered
    assert tab.got == []
    append("user:1")
    process.hear(*published())
    tab.read()
    assert tab.offsets == [7]


def test_a_start_that_fails_half_way_is_no_start(app: Flask, start: Start) -> None:
    """The race: the database is lost between the read of the head and that of the events."""
    append("user:1", 3)
    published()
    follower = Follower(journal.of(app), start().live.sockets)

    def unavailable(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM ordercast_events" in statement or "FROM ordercast_positions" in statement:
            raise OperationalError(statement, None, Exception("the database is unavailable"))

    event.listen(db.engine, "before_cursor_execute", unavailable)
    follower.step()
    event.remove(db.engine, "before_cursor_execute", unavailable)

    assert not follower.ready.is_set()
    assert follower.step() == "start"
    assert follower.ready.is_set()
    found = follower.ring.since(0, until=3, rooms=["user:1"], limit=9)
    assert [entry.position for entry in found or ()] == [1, 2, 3]


def test_a_read_that_began_before_the_connect_hides_nothing(start: Start, app: Flask) -> None:
    """The race: the check for revocations reads the database, then an event commits and is fanned
    out, then the client joins. On SQLite that first read would go on showing the past."""
    tab = Tab(ALICE).connect(start()).cut()
    process = start(ring=0)

    def commit_and_fan_out() -> None:
        with app.app_context():
            append("user:1", 2)
            process.hear(*published())

    with right_after(process.database, "FROM ordercast_revocations", commit_and_fan_out):
        tab.connect(process)

    assert tab.recovered
    assert tab.offsets == [1, 2]

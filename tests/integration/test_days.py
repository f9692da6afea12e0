"""PostgreSQL has a partition of events for each day: added ahead, dropped whole, never missed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from app.db import db, transaction
from ordercast.journal.days import AHEAD_DAYS
from ordercast.worker.pruning import prune_once
from tests.harness.application import journal
from tests.harness.application.journal import sequence_once
from tests.harness.waiting import wait_until

pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)

DAY = timedelta(days=1)
KEEP_DAYS = 7.0
WHERE = """
SELECT replace(tableoid::regclass::text, 'ordercast_entries_', '') FROM ordercast_entries
ORDER BY id
"""
DAYS = """
SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relname ~ '_[0-9]{8}$'
"""
LOCKED = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ordercast_entries'::regclass
"""


def today() -> date:
    return datetime.now(UTC).date()


def add(*ages_days: int) -> None:
    """The days so long ago, as a worker had added them then."""
    with transaction() as session:
        for age in ages_days:
            session.execute(text("SELECT ordercast_add_day(:day)"), {"day": today() - age * DAY})


def write(*ages_days: float, room: str = "user:1") -> None:
    """One event for each age, written so long ago."""
    with transaction() as session:
        for age in ages_days:
            session.execute(
                text(
                    "INSERT INTO ordercast_events (room, name, data, created_at)"
                    " VALUES (:room, 'test', '{}', now() - :age)"
                ),
                {"room": room, "age": age * DAY},
            )


def sequence() -> int:
    return sequence_once(lambda _message: None)


def drop(keep_days: float = KEEP_DAYS) -> int:
    """One try, in which a lock may not be free in time."""
    return journal.here().drop_days(datetime.now(UTC) - keep_days * DAY)


def dropped(count: int, keep_days: float = KEEP_DAYS) -> bool:
    """So many days within several tries, and no more."""
    left = len(days()) - count
    wait_until(lambda: drop(keep_days) >= 0 and len(days()) <= left, f"{count} days are dropped")
    return len(days()) == left


def added(count: int) -> bool:
    """So many days within several tries, and no more."""
    wait_until(lambda: journal.here().add_days() >= 0 and len(days()) >= count, f"{count} days")
    return len(days()) == count


def asked(query: str) -> list[Any]:
    db.session.rollback()
    found = list(db.session.scalars(text(query.replace(":", r"\:"))))
    db.session.rollback()  # no lock of this reader's is in the way
    return found


def days() -> set[str]:
    """Of entries and of positions alike."""
    names = asked(DAYS)
    found: list[set[str]] = [
        {name[-8:] for name in names if name.startswith(f"ordercast_{part}_")}
        for part in ("entries", "positions")
    ]
    assert found[0] == found[1]
    return found[0]


def tables(part: str) -> int:
    """How many days of `entries` or `positions` have a table, attached or not."""
    pattern = f"^ordercast_{part}_[0-9]{{8}}$"
    return len(asked(f"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '{pattern}'"))


def positions() -> list[int | None]:
    return asked("SELECT position FROM ordercast_events ORDER BY id")


@contextmanager
def report(url: str) -> Iterator[None]:
    """Somebody reads all of the events, in a transaction that stays open."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT count(*) FROM ordercast_events")
        yield


def test_a_worker_adds_today_and_the_days_that_come_and_then_nothing(app: Flask) -> None:
    service = app.extensions["ordercast"]
    first = today()
    prune_once(service.database, service.journal, KEEP_DAYS)
    assert added(AHEAD_DAYS + 1)
    ahead = {f"{first + n * DAY:%Y%m%d}" for n in range(AHEAD_DAYS + 1)}
    assert days() >= ahead
    assert added(AHEAD_DAYS + 1)
    write(0)
    journal.append("user:1", "test", {})
    db.session.commit()
    assert set(asked(WHERE)) <= {f"{day:%Y%m%d}" for day in (first, today())}
    assert sequence() == 2
    assert [entry.position for entry in journal.since(0, limit=9)] == [1, 2]


def test_what_is_kept_for_ever_has_no_days(app: Flask) -> None:
    service = app.extensions["ordercast"]
    prune_once(service.database, service.journal, 0)
    assert days() == set()


def test_an_event_of_a_day_that_has_no_partition_is_an_event_like_any_other(app: Flask) -> None:
    add(0)
    write(0, 400, -400, 0)
    assert [where for where in asked(WHERE) if where == "rest"] == ["rest", "rest"]
    assert sequence() == 4
    entries = journal.since(0, limit=9, rooms=["user:1"])
    assert [entry.position for entry in entries] == [1, 2, 3, 4]


def test_a_day_whose_events_are_elsewhere_already_is_left_out_and_the_next_are_not(
    app: Flask,
) -> None:
    first = today()
    write(0)
    assert added(AHEAD_DAYS)
    assert f"{first:%Y%m%d}" not in days()
    assert sequence() == 1


def test_old_days_are_dropped_and_the_lowest_position_kept_is_remembered(app: Flask) -> None:
    add(9, 8, 1, 0)
    write(9, 8, 8, 1, 0)
    assert sequence() == 5
    assert dropped(2)
    assert days() == {f"{today() - n * DAY:%Y%m%d}" for n in (1, 0)}
    assert positions() == [4, 5]
    assert (journal.head().position, journal.head().lowest) == (5, 4)
    assert asked("SELECT count(*) FROM ordercast_entries") == [2]
    assert drop() == 0


def test_a_day_that_has_not_ended_for_so_long_stays(app: Flask) -> None:
    add(8, 7)
    write(8, 7)
    sequence()
    assert dropped(1)
    assert positions() == [2]


def test_a_day_with_an_event_that_waits_stays(app: Flask) -> None:
    add(9)
    write(9)
    assert sequence() == 1
    write(9)
    assert drop() == 0
    assert positions() == [1, None]
    assert sequence() == 1
    assert dropped(1)


def test_a_day_with_an_event_behind_a_younger_one_stays_until_that_is_old(app: Flask) -> None:
    # Written long before it committed: with its position there would be a hole in what is kept.
    add(9, 8, 1)
    write(8, 9, 1)
    sequence()
    write(9)
    sequence()
    assert dropped(1)
    assert positions() == [2, 3, 4]
    assert journal.head().lowest == 2
    assert dropped(2, keep_days=0)
    assert journal.head().lowest == 5


def test_rows_outside_of_the_days_are_deleted_only_as_a_prefix(app: Flask) -> None:
    write(9)
    add(8)
    write(8, 9)
    sequence()
    assert journal.prune(datetime.now(UTC) - KEEP_DAYS * DAY) == 1
    assert positions() == [2, 3]
    assert dropped(1)
    assert journal.prune(datetime.now(UTC) - KEEP_DAYS * DAY) == 1
    assert positions() == []
    assert journal.head().lowest == 4


def test_an_open_report_delays_a_drop_and_no_change(app: Flask, database_url: str) -> None:
    """What a worker that is killed between its two steps leaves is the same: the lowest position
    has moved, and the day is there."""
    add(9, 0)
    write(9, 0)
    sequence()
    with report(database_url), ThreadPoolExecutor(1) as pool:
        dropping = pool.submit(journal.here().drop_days, datetime.now(UTC) - KEEP_DAYS * DAY)
        while not dropping.done():
            write(0)
        assert dropping.result() == 0
        assert journal.head().lowest == 2
        assert not journal.here().missed(["user:1"], 0).complete
    assert len(days()) == 2
    assert dropped(1)
    assert positions()[0] == 2


def test_a_day_that_a_dead_worker_detached_is_dropped_without_a_lock_of_writers(
    app: Flask, database_url: str
) -> None:
    """The worker was killed between its two transactions."""
    add(9, 0)
    write(9, 0)
    sequence()
    day = {"day": today() - 9 * DAY}
    with transaction() as session:
        session.execute(text("UPDATE ordercast_head SET lowest = 2"))
    with transaction() as session:
        assert session.scalar(text("SELECT ordercast_drop_day(:day)"), day)
    assert tables("positions") == 2
    with report(database_url):
        assert drop() == 0
        assert tables("positions") == tables("entries") == 1
    assert positions() == [2]


def test_a_worker_that_waited_for_the_lock_finds_the_day_detached(
    app: Flask, database_url: str
) -> None:
    """Two workers find the same day; the second waits for the lock while the first detaches."""
    add(9)
    write(9)
    sequence()
    call = f"SELECT ordercast_drop_day('{today() - 9 * DAY}')".encode()
    with transaction() as session:
        session.execute(text("UPDATE ordercast_head SET lowest = 2"))
    with (
        psycopg.connect(database_url) as first,
        psycopg.connect(database_url) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        assert first.execute(call).fetchone() == (True,)
        waiting = pool.submit(lambda: second.execute(call).fetchone())
        wait_until(lambda: asked(LOCKED) == [1], "the second waits for the lock")
        first.commit()
        assert waiting.result() == (False,)
    assert drop() == 0
    assert tables("positions") == 0


def test_an_open_report_delays_a_day_that_comes_and_no_change(
    app: Flask, database_url: str
) -> None:
    with report(database_url), ThreadPoolExecutor(1) as pool:
        adding = pool.submit(journal.here().add_days)
        while not adding.done():
            write(0)
        assert adding.result() == 0
    assert days() == set()
    assert added(AHEAD_DAYS)


def test_what_rows_of_other_tables_say_of_a_dropped_day_goes_too(app: Flask) -> None:
    add(9)
    write(9)
    with transaction() as session:
        session.execute(
            text(
                "INSERT INTO ordercast_events (room, name, data, created_at, further_rooms)"
                " VALUES ('user:1', 'test', '{}', now() - interval '9 days', '{user:2}')"
            )
        )
    sequence()
    assert asked("SELECT position FROM ordercast_further_rooms") == [2]
    assert dropped(1)
    journal.prune(datetime.now(UTC) - KEEP_DAYS * DAY)
    assert asked("SELECT position FROM ordercast_further_rooms") == []


def test_a_position_is_given_without_writing_the_payload(app: Flask) -> None:
    add(0)
    write(0, 0)
    written = "SELECT ctid::text || xmin || xmax FROM ordercast_entries ORDER BY id"
    before = asked(written)
    assert sequence() == 2
    assert asked(written) == before


def test_a_position_is_given_once(app: Flask) -> None:
    add(0)
    write(0)
    assert sequence() == 1
    with pytest.raises(Exception, match="ux_ordercast_positions"), transaction() as session:
        session.execute(
            text(
                "INSERT INTO ordercast_events (room, name, data, position)"
                " VALUES ('user:1', 'test', '{}', 1)"
            )
        )


OF_THE_RELEASE_BEFORE = (
    "UPDATE ordercast_events SET position = waiting.nth FROM (SELECT id, row_number() OVER"
    " (ORDER BY id) AS nth FROM ordercast_events WHERE position IS NULL AND id > 0 ORDER BY id"
    " LIMIT 200) AS waiting WHERE ordercast_events.id = waiting.id RETURNING position",
    "DELETE FROM ordercast_events WHERE position >= 1 AND position < 2 RETURNING position",
)


def test_a_worker_of_the_release_before_gives_positions_and_prunes(app: Flask) -> None:
    add(0)
    write(0, 0)
    journal.here().append(db.session, "user:1", "test", {}, further=["user:2"])
    db.session.commit()
    number, prune = OF_THE_RELEASE_BEFORE
    assert sorted(db.session.scalars(text(number))) == [1, 2, 3]
    db.session.commit()
    assert positions() == [1, 2, 3]
    assert asked("SELECT room FROM ordercast_further_rooms WHERE position = 3") == ["user:2"]
    assert asked("SELECT id FROM ordercast_waiting") == []
    assert list(db.session.scalars(text(prune))) == [1]
    db.session.commit()
    assert positions() == [2, 3]
    assert asked("SELECT count(*) FROM ordercast_entries") == [2]


def test_an_event_that_is_changed_while_it_waits_goes_on_waiting(app: Flask) -> None:
    write(0)
    with transaction() as session:
        session.execute(
            text("UPDATE ordercast_events SET room = 'user:9', created_at = now() - interval '1 h'")
        )
    assert sequence() == 1
    [entry] = journal.since(0, limit=9, rooms=["user:9"])
    assert entry.position == 1


def test_an_insert_returns_the_id_or_has_its_own_or_none_twice(app: Flask) -> None:
    insert = "INSERT INTO ordercast_events ({}room, name, data) VALUES ({}'user:1', 'test', '1')"
    returning = text(insert.format("", "") + " RETURNING id, position, created_at IS NOT NULL")
    by_hand = text(insert.format("id, ", "77, ") + " RETURNING id")
    with transaction() as session:
        assert tuple(session.execute(returning).one()) == (1, None, True)
        assert session.scalar(by_hand) == 77
    with pytest.raises(Exception, match="unique"), transaction() as session:
        session.execute(by_hand)
    assert sequence() == 2
    assert asked("SELECT id FROM ordercast_events ORDER BY position") == [1, 77]

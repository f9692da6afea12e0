"""Positions by one statement of PostgreSQL: no hole and no double, whatever commits meanwhile."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import event, select, text

from app import create_app
from app.config import Settings
from app.db import db, now, transaction
from ordercast.journal import advancing, sequencing, waiting
from ordercast.journal.advancing import advance
from ordercast.journal.locking import lock_head, move_head
from ordercast.journal.numbering import BATCH_BYTES, number
from ordercast.journal.pruning import prune
from ordercast.journal.sequencing import Sequencer
from ordercast.journal.tables import HEAD, SET_ASIDE
from tests.harness.application import journal
from tests.harness.application.journal import sequence_once
from tests.harness.processes.process import SECRET
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

WAITS_FOR_A_LOCK = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'"
    " AND wait_event IN ('transactionid', 'tuple') AND query LIKE '%FOR UPDATE OF head%'"
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that holds the head gets to its end on a busy machine, too."""
    monkeypatch.setattr(advancing, "LOCK_SECONDS", 60)


@pytest.fixture
def app(postgres_url: str, redis_server: RedisServer) -> Iterator[Flask]:
    app = create_app(
        Settings.of(DATABASE_URL=postgres_url, REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET)
    )
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def append(count: int = 1) -> None:
    with transaction():
        for number in range(count):
            journal.append("user:1", "test", {"number": number})


def advanced(app: Flask, **changes: Any) -> list[int] | None:
    """The positions that one statement gives; None if it does nothing."""
    values = {"journal": journal.head().journal, "known": 0, "after": 0, "limit": 100}
    with app.extensions["ordercast"].database.at_once() as connection:
        found = advance(connection, **{**values, "max_bytes": BATCH_BYTES, **changes})
    return found and (None if found.rows is None else [row[0] for row in found.rows])


def positions() -> list[int]:
    return [entry.position for entry in journal.since(0, limit=10_000)]


def is_waiting() -> bool:
    # A new transaction each time: within one, the server shows the activity of its first moment.
    with db.engine.connect() as connection:
        return bool(connection.scalar(WAITS_FOR_A_LOCK))


def while_it_waits_for_the_head(app: Flask, change: Callable[[Any], object]) -> list[int] | None:
    """What the statement gives whose snapshot is from before `change` is committed, and whose lock
    from after it."""
    found: list[list[int] | None] = []
    with app.extensions["ordercast"].database.writing() as connection:
        lock_head(connection)
        thread = threading.Thread(target=_advance_in_context, args=(app, found))
        thread.start()
        wait_until(is_waiting, "the statement waits for the head")
        change(connection)
    thread.join(60)
    [rows] = found
    return rows


def _advance_in_context(app: Flask, found: list[list[int] | None]) -> None:
    with app.app_context():
        found.append(advanced(app))


def test_what_another_sequencer_has_numbered_meanwhile_is_not_numbered_again(app: Flask) -> None:
    # The race: a sequencer numbers some of the events, and commits between this statement's
    # snapshot, in which they still wait, and its lock.
    append(5)

    def number_two(connection: Any) -> None:
        connection.execute(
            text(
                "UPDATE ordercast_events SET position = ranked.nth FROM (SELECT id, row_number()"
                " OVER (ORDER BY id) AS nth FROM ordercast_events LIMIT 2) AS ranked"
                " WHERE ordercast_events.id = ranked.id"
            )
        )
        connection.execute(text("UPDATE ordercast_head SET position = 2"))

    assert while_it_waits_for_the_head(app, number_two) is None
    assert positions() == [1, 2]
    assert advanced(app) == [3, 4, 5]
    assert positions() == [1, 2, 3, 4, 5]
    assert journal.head().position == 5


def test_a_pruning_meanwhile_keeps_its_lowest_position(app: Flask) -> None:
    # The race: a pruning moves `lowest` between the statement's snapshot and its lock.
    append(3)

    def move_lowest(connection: Any) -> None:
        connection.execute(text("UPDATE ordercast_head SET lowest = lowest + 7"))

    assert while_it_waits_for_the_head(app, move_lowest) is None
    assert advanced(app) == [1, 2, 3]
    assert journal.head()[:2] == (3, 8)


def test_a_head_that_was_only_locked_meanwhile_is_no_obstacle(app: Flask) -> None:
    append(3)
    assert while_it_waits_for_the_head(app, lambda _: None) == [1, 2, 3]


def test_nothing_is_done_to_another_journal_or_one_that_went_back(app: Flask) -> None:
    append(2)
    assert advanced(app, journal="another") is None
    assert advanced(app, known=1) is None
    assert positions() == []
    assert journal.head().position == 0
    assert advanced(app, known=0) == [1, 2]


def test_where_nothing_waits_the_head_is_not_touched(app: Flask) -> None:
    append()
    advanced(app)
    row = text("SELECT ctid::text, xmin::text, xmax::text FROM ordercast_head")
    before = db.session.execute(row).one()
    db.session.rollback()
    assert advanced(app) == []
    assert db.session.execute(row).one() == before


def test_a_lone_event_is_one_statement(app: Flask) -> None:
    sent: list[bytes] = []
    sequencer = journal.here().sequencer(sent.append)

    def is_one() -> bool:
        append()
        with statements() as found:
            assert sequencer.step() == 1
        return len(found) == 1

    wait_until(is_one, "an event comes between two whole scans")
    assert orjson.loads(sent[-1])["head"] == len(sent) == len(positions())


class statements:  # noqa: N801, a context manager
    """Collects what the engine executes."""

    def __enter__(self) -> list[str]:
        self.found: list[str] = []
        event.listen(db.engine, "before_cursor_execute", self._note)
        return self.found

    def __exit__(self, *_: object) -> None:
        event.remove(db.engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.found.append(statement)


def test_sequencers_that_are_kept_share_the_work_with_pruning(app: Flask) -> None:
    total, sent = 600, list[bytes]()
    stop = threading.Event()

    def sequence(sequencer: Sequencer) -> None:
        while not stop.is_set():
            sequencer.step(limit=7)

    def prune_steadily() -> None:
        database = app.extensions["ordercast"].database
        while not stop.is_set():
            prune(database, now() - timedelta(days=1))

    sequencers = [journal.here().sequencer(sent.append) for _ in range(3)]
    threads = [threading.Thread(target=sequence, args=(each,)) for each in sequencers]
    threads.append(threading.Thread(target=prune_steadily))
    for thread in threads:
        thread.start()
    try:
        for _ in range(total // 20):
            append(20)
        wait_until(lambda: journal.head().position == total, "all have their position")
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert positions() == list(range(1, total + 1))
    events = [one for message in sent for one in orjson.loads(message)["events"]]
    assert sorted(one[0] for one in events) == list(range(1, total + 1))


def test_of_two_sequencers_that_hear_the_same_rings_one_works(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencing, "ASIDE_SECONDS", 3600.0)
    # After a whole scan that finds nothing there is no statement that shows where the head is.
    monkeypatch.setitem(waiting.SHORTEST_SECONDS, "postgresql", 3600.0)
    monkeypatch.setattr(waiting, "LONGEST_SECONDS", 3600.0)
    first, second = (journal.here().sequencer(lambda _: None) for _ in range(2))
    for sequencer in (first, second):
        append()
        assert sequencer.step() == 1
    append()
    assert second.step() == 1

    assert first.step() == 0  # another sequencer has moved the head
    append()
    assert first.step() == 0
    assert second.step() == 1
    assert positions() == [1, 2, 3, 4]


def test_a_sequencer_that_stood_aside_goes_on_when_the_other_has_gone(app: Flask) -> None:
    first, second = (journal.here().sequencer(lambda _: None) for _ in range(2))
    append()
    assert first.step() == 1
    append()
    assert second.step() == 1
    first.step()

    append()
    wait_until(lambda: first.step() == 1, "the first one works")
    assert positions() == [1, 2, 3]


def test_a_sequencer_that_lost_the_race_for_the_head_stands_aside(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The race: another sequencer commits between the statement's snapshot and its lock.
    monkeypatch.setattr(sequencing, "ASIDE_SECONDS", 3600.0)
    late = journal.here().sequencer(lambda _: None)
    append()
    assert late.step() == 1
    append(2)
    found: list[int] = []

    def step() -> None:
        with app.app_context():
            found.append(late.step())

    thread = threading.Thread(target=step)
    with app.extensions["ordercast"].database.writing() as connection:
        head = lock_head(connection)
        thread.start()
        wait_until(is_waiting, "the statement waits for the head")
        number(connection, head.position, 1, 0)
        move_head(connection, head._replace(position=head.position + 1))
    thread.join(60)
    assert found == [0]
    assert positions() == [1, 2]
    assert late.step() == 0
    assert journal.here().sequencer(lambda _: None).step() == 1


def test_what_cannot_be_delivered_is_kept_with_its_reason(app: Flask) -> None:
    with transaction() as session:
        session.execute(
            text("INSERT INTO ordercast_events (room, name, data) VALUES ('control', 'x', '{}')")
        )
    sent: list[bytes] = []
    assert sequence_once(sent.append) == 1
    assert orjson.loads(sent[0])["events"] == [[1, "", "", "null"]]
    [row] = db.session.execute(select(SET_ASIDE)).all()
    assert row.position == 1
    assert "'x'" in row.reason
    assert db.session.scalar(select(HEAD.c.position)) == 1

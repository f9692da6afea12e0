"""What waits for its position is found: at once, late commits too, past any number of dead rows."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text

from app import create_app
from app.config import Settings
from app.db import db, transaction
from ordercast.journal import waiting
from ordercast.journal.tables import EVENTS
from tests.harness.application import journal
from tests.harness.application.journal import sequence_once
from tests.harness.processes.process import SECRET
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

DEAD = 2_000
BATCH_ROWS = 200
BACKLOG_SECONDS = 3.0


def append(number: int = 1) -> None:
    with transaction() as session:
        rows = [{"room": "user:1", "name": "notification", "data": "{}"} for _ in range(number)]
        session.execute(insert(EVENTS), rows)


def sequenced() -> int:
    return sequence_once(lambda _message: None, limit=BATCH_ROWS)


def row_with_id(number: int) -> None:
    """An event that took its id before others that have committed."""
    with transaction() as session:
        values = {"id": number, "room": "user:1", "name": "notification", "data": "{}"}
        session.execute(insert(EVENTS).values(values))


def test_an_id_that_was_written_late_and_by_hand_is_found(app: Flask) -> None:
    append(5)
    with transaction() as session:
        session.execute(text("DELETE FROM ordercast_events WHERE id = 2"))
    assert sequenced() == 4
    wait_until(lambda: journal.waiting_after() is None, "every other id is settled")
    row_with_id(2)
    wait_until(lambda: sequenced() == 1, "the late one gets its position")
    assert [entry.position for entry in journal.since(0, limit=9)] == [1, 2, 3, 4, 5]


def ids_by_position() -> list[int]:
    db.session.rollback()
    ordered = select(EVENTS.c.id).where(EVENTS.c.position.is_not(None))
    return list(db.session.scalars(ordered.order_by(EVENTS.c.position)))


def test_what_comes_during_a_long_backlog_comes_behind_it(app: Flask) -> None:
    append(1_000)
    until = time.monotonic() + BACKLOG_SECONDS
    while time.monotonic() < until:
        append()
        sequence_once(lambda _message: None, limit=2)
    while sequenced():
        continue
    assert ids_by_position() == sorted(ids_by_position())


def test_an_event_of_a_long_transaction_comes_before_what_follows_from_it(
    postgres_url: str, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The race: the id is taken, time goes by, the commit; then another change of the same order,
    # and a look that begins behind the first one's id.
    settings = Settings.of(
        DATABASE_URL=postgres_url, REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET
    )
    app = create_app(settings)
    values = "INSERT INTO ordercast_events (room, name, data) VALUES ('user:1', 'x', '{}')"
    with app.app_context(), psycopg.connect(postgres_url) as slow:
        slow.execute(values.encode())
        until = time.monotonic() + BACKLOG_SECONDS
        while time.monotonic() < until:
            append()
            assert sequenced() == 1
        monkeypatch.setattr(waiting, "SHARE", 1e9)
        append()  # a last whole look; only short ones follow
        assert sequenced() == 1
        slow.commit()
        append()
        assert sequenced() == 2
        ids = ids_by_position()
        assert ids[-2:] == [min(ids), max(ids)]
        db.session.remove()
        db.engine.dispose()


def test_a_look_leaves_nothing_out_that_commits_at_once(app: Flask) -> None:
    for _ in range(50):
        append()
        assert sequenced() == 1
    assert journal.waiting_after() is None


@contextmanager
def long_transaction(server: Postgres) -> Iterator[None]:
    """Somebody's, in another database: no row that dies meanwhile is removed."""
    with psycopg.connect(server.url("postgres")) as other:
        other.execute("SELECT txid_current()")
        yield


def dead_rows_passed(url: str, statement: str, parameters: Any) -> int:
    """How many rows the server has to look at for this question, only to find them dead."""
    with psycopg.connect(url) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_bitmapscan = off")
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode()
        (found,) = connection.execute(explain, parameters).fetchone() or ([],)
        connection.rollback()
    return int(re.search(r"'Heap Fetches': (\d+)", str(found))[1])  # type: ignore[index]


def test_a_long_transaction_elsewhere_does_not_make_the_question_slower(
    postgres: tuple[Postgres, str], postgres_url: str, redis_server: RedisServer
) -> None:
    settings = Settings.of(
        DATABASE_URL=postgres_url, REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET
    )
    app = create_app(settings)
    asked: list[tuple[str, Any]] = []
    with app.app_context(), long_transaction(postgres[0]):
        for _ in range(0, DEAD, BATCH_ROWS):
            append(BATCH_ROWS)
            assert sequenced() == BATCH_ROWS

        @event.listens_for(db.engine, "before_cursor_execute")
        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            asked.append((statement, parameters))

        def is_short(question: Callable[[], object]) -> bool:
            asked.clear()
            assert question() is None
            return DEAD in asked[-1][1].values()

        for question in (journal.waiting_after, journal.oldest_waiting):
            wait_until(partial(is_short, question), "the question begins behind the dead rows")
            assert dead_rows_passed(postgres_url, *asked[-1]) == 0
        all_of_them = "SELECT id FROM ordercast_waiting ORDER BY id LIMIT 1"
        assert dead_rows_passed(postgres_url, all_of_them, None) == DEAD

        append()
        assert sequenced() == 1  # and what comes is found there
        db.session.remove()
        db.engine.dispose()

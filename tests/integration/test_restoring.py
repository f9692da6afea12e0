"""A copy of a SQLite database as docs/operations.md makes it, restored and given a journal of its
own. With PostgreSQL: tests/faults/test_restore.py."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import make_url

from app import create_app
from app.config import Settings
from app.db import db, transaction
from app.extension import cast
from ordercast.journal.restarting import UNKNOWN_GAP
from tests.harness.application import journal
from tests.harness.processes.process import SECRET
from tests.harness.servers.redis import RedisServer

ROOM = "user:1"


@contextmanager
def service(database: Path, redis_server: RedisServer) -> Iterator[Flask]:
    url = f"sqlite:///{database}"
    app = create_app(
        Settings.of(DATABASE_URL=url, REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET)
    )
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def send(*texts: str) -> None:
    for text in texts:
        with transaction():
            journal.append(ROOM, "test", {"text": text})


def test_a_copy_that_was_made_while_the_service_ran_is_restored_as_another_journal(
    sqlite_url: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    database, copy = Path(str(make_url(sqlite_url).database)), tmp_path / "backup.db"
    with service(database, redis_server):
        send("kept 1", "kept 2")
        journal.sequence()
        send("waits")  # for its position, in the copy
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("VACUUM INTO ?", [str(copy)])
        send("lost 1", "lost 2")
        journal.sequence()
        before = journal.head()
        assert before.position == 5
    with service(copy, redis_server) as app:
        done = app.test_cli_runner().invoke(args=["ordercast", "restart-journal", "--yes"])
        assert done.exit_code == 0, done.output
        head = journal.head()
        assert (head.position, head.journal != before.journal) == (2 + UNKNOWN_GAP, True)
        send("new 1", "new 2", "new 3")
        journal.sequence()
        missed = cast.missed([ROOM], after=head.position)
        assert [event["data"]["text"] for event in missed.events] == [
            "waits",
            *("new 1", "new 2", "new 3"),
        ]
        assert not cast.missed([ROOM], after=before.position).complete

"""A database of the release before is upgraded in place, and whole or not at all."""

import signal
import subprocess
import sys
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from ordercast import migrations
from tests.harness.processes.process import ROOT, environment, flask
from tests.harness.servers.migrating import migrate, upgrade_at_once
from tests.harness.servers.releases import HEAD, JOURNAL, LATEST, TABLES, restore
from tests.harness.servers.schema import described, drop_tables, engine_of, execute, rows, tables

INSERT = "INSERT INTO {} (room, name, data, created_at) VALUES ('user:1', 'x', '{{}}', '{}')"
MOMENT = "2026-01-02 03:04:05+00"
REVISIONS = [
    script.revision for script in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()
]
PREPARED = 6  # executions, after which psycopg has prepared a statement
# Upgrades, and kills itself at a statement.
KILLED = """
import os, signal, sys
import flask_migrate
from sqlalchemy import event
from app import create_app
from app.db import db

app = create_app()
flask_migrate.Migrate().init_app(app, db)
with app.app_context():
    @event.listens_for(db.engine, "after_cursor_execute")
    def on_statement(_connection, _cursor, statement, *_):
        if sys.argv[1] in statement:
            os.kill(os.getpid(), signal.SIGKILL)
    flask_migrate.upgrade()
"""


@pytest.fixture
def url(empty_url: str) -> str:
    """A database of the release before, as its processes left it."""
    restore(empty_url)
    return empty_url


def contents(url: str, names: Any) -> list[list[tuple[Any, ...]]]:
    """The rows of these tables, of events without the columns that are new."""
    return [[tuple(row)[:6] for row in rows(url, name)] for name in names]


def test_every_row_stays_and_the_tables_are_as_in_a_new_database(
    empty_urls: tuple[str, str],
) -> None:
    old, new = empty_urls
    restore(old)
    before = contents(old, TABLES)
    migrate(old)
    migrate(new)
    assert contents(old, TABLES.values()) == before
    assert [tuple(row) for row in rows(old, "ordercast_head")] == [(1, HEAD, 1, JOURNAL)]
    assert described(old) == described(new)
    assert not set(TABLES) & tables(old)

    migrate(old)  # again: harmless

    assert contents(old, TABLES.values()) == before
    assert described(old) == described(new)


def test_from_every_older_revision_the_tables_and_their_rows_are_the_same(
    empty_urls: tuple[str, str],
) -> None:
    url, new = empty_urls
    migrate(new)
    wanted = described(new)
    for revision in REVISIONS[1:]:
        migrate(url, revision=revision)
        [events] = tables(url) & {"events", "ordercast_events"}
        execute(url, INSERT.format(events, MOMENT))
        migrate(url)
        assert described(url) == wanted, revision
        assert len(rows(url, "ordercast_events")) == 1, revision
        migrate(url, flask_migrate.downgrade, revision="base")


def test_a_process_of_the_release_before_fails_and_writes_into_nowhere(url: str) -> None:
    insert = sa.text(INSERT.format("events", MOMENT))
    with engine_of(url).connect() as old:
        for _ in range(PREPARED):
            old.execute(insert)
        old.commit()
        migrate(url)
        written = len(rows(url, "ordercast_events"))
        with pytest.raises(sa.exc.DBAPIError):
            old.execute(insert)
    assert len(rows(url, "ordercast_events")) == written


def test_a_statement_that_fails_leaves_the_database_as_it_was(url: str) -> None:
    execute(url, "CREATE TABLE ordercast_revocations (id INTEGER)")  # in the way of the last rename
    before = described(url), contents(url, TABLES)
    with pytest.raises((SystemExit, sa.exc.DBAPIError)):
        migrate(url)
    assert (described(url), contents(url, TABLES)) == before
    execute(url, "DROP TABLE ordercast_revocations")
    migrate(url)
    assert contents(url, TABLES.values()) == before[1]


@pytest.mark.parametrize(
    "statement",
    ["ordercast_head", "ADD COLUMN request_id", "ordercast_version", "UPDATE alembic_version"],
)
def test_an_upgrade_that_is_killed_leaves_the_database_as_it_was(url: str, statement: str) -> None:
    before = described(url), contents(url, TABLES)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, statement],
        cwd=ROOT,
        env=environment(DATABASE_URL=url),
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    assert (described(url), contents(url, TABLES)) == before
    migrate(url)
    assert contents(url, TABLES.values()) == before[1]


def test_hosts_that_upgrade_at_once_all_succeed(url: str) -> None:
    before = contents(url, TABLES)
    done = upgrade_at_once(url)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert contents(url, TABLES.values()) == before


def test_down_and_up_again_nothing_is_lost(url: str) -> None:
    before = described(url), contents(url, TABLES)
    migrate(url)
    migrate(url, flask_migrate.downgrade, revision=LATEST)
    assert (described(url), contents(url, TABLES)) == before
    assert "ordercast_version" not in tables(url)
    migrate(url)
    assert contents(url, TABLES.values()) == before[1]


def test_tables_of_a_later_release_are_not_taken_back(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(url)
    execute(url, "UPDATE ordercast_version SET version_num = '9999'")
    before = described(url), contents(url, TABLES.values())
    with pytest.raises(SystemExit):
        migrate(url, flask_migrate.downgrade, revision=LATEST)
    assert "at its revision 9999, which cannot be taken back: restore a backup" in caplog.text
    assert (described(url), contents(url, TABLES.values())) == before


def test_the_librarys_command_begins_no_second_journal_beside_the_one_of_before(url: str) -> None:
    before = described(url)
    done = flask("ordercast", "upgrade", env=environment(DATABASE_URL=url))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("`flask db upgrade` renames them")
    assert "Traceback" not in done.stderr
    assert described(url) == before


def test_on_a_new_database_either_command_may_come_first(empty_urls: tuple[str, str]) -> None:
    url, new = empty_urls
    migrations.upgrade(engine_of(url))
    journal = rows(url, "ordercast_head")
    migrate(url)
    migrate(new)
    assert described(url) == described(new)
    assert rows(url, "ordercast_head") == journal


def test_two_journals_of_which_the_first_is_in_use_stop_the_upgrade(
    empty_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    migrations.upgrade(engine_of(empty_url))
    migrate(empty_url, revision=LATEST)
    execute(empty_url, INSERT.format("events", MOMENT))
    before = described(empty_url)
    with pytest.raises(SystemExit):
        migrate(empty_url)
    assert "there are two journals in this database" in caplog.text
    assert described(empty_url) == before


def test_the_librarys_tables_follow_where_the_marketplaces_are_of_this_release(
    empty_url: str,
) -> None:
    migrate(empty_url)
    wanted = described(empty_url)
    drop_tables(empty_url, "ordercast_")
    for question in (flask_migrate.current, flask_migrate.check):
        migrate(empty_url, question)
        assert not set(TABLES.values()) & tables(empty_url)

    migrate(empty_url)

    assert described(empty_url) == wanted

"""The migrations make what the models declare, can be taken back and made again."""

import sys
from pathlib import Path
from subprocess import run

import flask_migrate
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from app import cli, http
from app import db as database
from ordercast.database.metadata import METADATA
from ordercast.emits import tables as relay
from ordercast.inbox import drain
from ordercast.journal.tables import EVENTS, PARTS
from tests.harness.processes.process import ROOT, environment, flask
from tests.harness.servers.migrating import migrate, upgrade_at_once
from tests.harness.servers.schema import VERSIONS, described, engine_of, rows, tables

DECLARING = (cli, http, drain, relay)  # with these comes everything that declares a table
POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]
MODELS = {**database.db.metadata.tables, **METADATA.tables}


@pytest.mark.parametrize("empty_urls", ["sqlite"], indirect=True)
def test_the_migrations_make_exactly_what_the_models_declare(empty_urls: tuple[str, str]) -> None:
    migrated, created = empty_urls
    done = flask("db", "upgrade", env=environment(DATABASE_URL=migrated))
    assert done.returncode == 0, done.stderr
    for metadata in (database.db.metadata, METADATA):
        metadata.create_all(engine_of(created))
    assert described(migrated) == described(created)
    assert tables(migrated) - VERSIONS == set(MODELS)


@pytest.mark.parametrize("empty_urls", ["postgres"], indirect=True)
def test_on_postgresql_they_make_what_the_models_declare_and_the_parts_of_the_events(
    empty_urls: tuple[str, str],
) -> None:
    migrated, created = empty_urls
    migrate(migrated)
    for metadata in (database.db.metadata, METADATA):
        metadata.create_all(engine_of(created))
    made, declared = described(migrated), described(created)
    for name in made["views"]:  # which a model can only declare as a table
        del declared[name]
    assert {name: made[name] for name in declared if name in MODELS} == {
        name: declared[name] for name in declared if name in MODELS
    }
    assert tables(migrated) - VERSIONS == set(MODELS)
    inspector = sa.inspect(engine_of(migrated))
    for table in [EVENTS, *PARTS.tables.values()]:
        columns = inspector.get_columns(table.name)
        assert {(column["name"], sql_of(column["type"])) for column in columns} == {
            (column.name, sql_of(column.type)) for column in table.columns
        }


def sql_of(kind: sa.types.TypeEngine[object]) -> str:
    return str(kind.compile(dialect=POSTGRESQL))


def test_a_migrated_database_has_no_drift(empty_urls: tuple[str, str]) -> None:
    url, _ = empty_urls
    migrate(url)
    done = flask("db", "check", env=environment(DATABASE_URL=url))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No new upgrade operations detected" in done.stdout + done.stderr


def test_down_to_nothing_and_up_again(empty_urls: tuple[str, str]) -> None:
    url, _ = empty_urls
    migrate(url)
    first = described(url)
    migrate(url, flask_migrate.downgrade, revision="base")
    assert tables(url) <= VERSIONS

    migrate(url)

    assert described(url) == first


def test_each_database_has_a_journal_of_its_own_that_upgrading_again_leaves_alone(
    empty_urls: tuple[str, str],
) -> None:
    for url in empty_urls:
        migrate(url)
    (one,), (other,) = before = [rows(url, "ordercast_head") for url in empty_urls]
    assert (one.position, one.lowest) == (other.position, other.lowest) == (0, 1)
    assert one.journal != other.journal
    migrate(empty_urls[0])
    assert [rows(url, "ordercast_head") for url in empty_urls] == before


def test_a_row_of_before_that_is_no_json_does_not_stop_the_upgrade_and_is_the_last_one(
    empty_urls: tuple[str, str],
) -> None:
    url, _ = empty_urls
    migrate(url, revision="0003")
    insert = (
        "INSERT INTO {} (room, name, data, created_at)"
        " VALUES ('user:1', 'test', '{{', '2026-01-02 03:04:05+00')"
    )
    with engine_of(url).begin() as connection:
        connection.execute(sa.text(insert.format("events")))

    migrate(url)

    with pytest.raises(sa.exc.DBAPIError), engine_of(url).begin() as connection:
        connection.execute(sa.text(insert.format("ordercast_events")))
    with engine_of(url).begin() as connection:  # and it does not stop the sequencer either
        connection.execute(sa.text("UPDATE ordercast_events SET position = 1"))
    assert [row.position for row in rows(url, "ordercast_events")] == [1]


def test_addresses_get_one_form_and_one_that_is_taken_stays(empty_urls: tuple[str, str]) -> None:
    url, _ = empty_urls
    migrate(url, revision="0009")
    before = (
        "alice@example.com",
        "zoe\u0308@example.com",
        "ame\u0301@example.com",
        "am\u00e9@example.com",
    )
    with engine_of(url).begin() as connection:
        for number, email in enumerate(before, 1):
            row = {"id": number, "email": email}
            connection.execute(
                sa.text(
                    "INSERT INTO users (id, email, name, role, password_hash, created_at)"
                    " VALUES (:id, :email, 'A', 'customer', '', '2026-01-02 03:04:05+00')"
                ),
                row,
            )
    migrate(url)
    after = {row.id: row.email for row in rows(url, "users")}
    assert after == dict(enumerate(before, 1)) | {2: "zo\u00eb@example.com"}


def test_processes_that_upgrade_at_once_all_succeed(empty_urls: tuple[str, str]) -> None:
    for url in empty_urls:
        done = upgrade_at_once(url)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert tables(url) - VERSIONS == set(MODELS)
        assert len(rows(url, "ordercast_head")) == 1


def test_a_database_that_is_unavailable_is_one_line(tmp_path: Path) -> None:
    env = environment(DATABASE_URL=f"postgresql://me:hunter2@/orders?host={tmp_path}")
    done = flask("db", "upgrade", env=env)
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line]
    assert [line for line in said if "database unavailable: " in line] == said[-1:]
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


def test_an_upgrade_that_fails_leaves_nothing_behind(
    empty_urls: tuple[str, str],
) -> None:
    url, _ = empty_urls
    with engine_of(url).begin() as connection:
        connection.execute(sa.text("CREATE TABLE order_items (id INTEGER)"))  # the last of 0001
    done = flask("db", "upgrade", env=environment(DATABASE_URL=url))
    assert done.returncode == 1
    assert tables(url) - VERSIONS == {"order_items"}


def test_only_the_command_of_the_migrations_loads_alembic() -> None:
    """With its templates and highlighters a tenth of what a process takes to start."""
    asked = (
        "import sys, wsgi; print(*sorted({'alembic', 'flask_migrate', 'mako'} & {*sys.modules}))"
    )
    done = run(
        [sys.executable, "-c", asked], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr

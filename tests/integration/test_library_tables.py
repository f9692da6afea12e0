"""The library's tables in a team's own database, by an engine that knows nothing of the library."""

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ordercast import migrations
from tests.harness.processes.process import BIN, ROOT, SECRET, environment, flask
from tests.harness.servers.migrating import migrate
from tests.harness.servers.schema import described, engine_of, execute, rows, tables
from tests.harness.waiting import wait_until

TABLES = {
    f"ordercast_{name}"
    for name in (
        "events",
        "further_rooms",
        "head",
        "set_aside",
        "inbox_ids",
        "relay",
        "joined",
        "revocations",
        "version",
    )
}
INSERT = "INSERT INTO ordercast_events (room, name, data) VALUES ('user:1', 'test', '{}')"
NOW = {"postgresql": "clock_timestamp()", "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now')"}
WAITING = "pg_locks WHERE NOT granted AND relation = 'ordercast_events'::regclass"
TEAM = """
from flask import Flask
from flask_migrate import Migrate
from flask_socketio import SocketIO
from flask_sqlalchemy import SQLAlchemy

from ordercast import Ordercast, include_object

db, cast = SQLAlchemy(), Ordercast()


class Parcel(db.Model):
    id = db.Column(db.Integer, primary_key=True)


def create_app():
    app = Flask(__name__)
    app.config.from_prefixed_env()
    db.init_app(app)
    cast.init_app(app, SocketIO(), engine=lambda: db.engine)
    Migrate(app, db{options})
    return app
"""


def test_they_are_those_of_the_marketplace(empty_urls: tuple[str, str]) -> None:
    url, marketplace = empty_urls
    migrations.upgrade(engine_of(url))
    migrate(marketplace)
    assert tables(url) == TABLES
    theirs = described(marketplace)
    assert described(url).items() <= theirs.items()
    assert rows(url, "ordercast_head")[0].journal != rows(marketplace, "ordercast_head")[0].journal


def test_again_is_harmless_and_a_process_can_tell(empty_url: str) -> None:
    engine = engine_of(empty_url)
    with engine.connect() as connection:
        assert migrations.current(connection) is None
    for _ in range(2):
        migrations.upgrade(engine)
        with engine.connect() as connection:
            assert migrations.current(connection) == migrations.head()
        head = rows(empty_url, "ordercast_head")
    assert rows(empty_url, "ordercast_head") == head


def test_within_a_transaction_that_is_open_the_caller_commits(empty_url: str) -> None:
    engine = engine_of(empty_url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.connect() as connection:
        migrations.upgrade(connection)
        connection.rollback()
        assert not tables(empty_url)
        migrations.upgrade(connection)
        connection.commit()
    assert tables(empty_url) == TABLES


def deferred(engine: sa.Engine) -> None:
    """The recipe of SQLAlchemy's documentation for transactions that include DDL."""

    @sa.event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def as_it_comes(_engine: sa.Engine) -> None:
    """The driver's own transactions, which DDL is no part of."""


@pytest.mark.parametrize("prepare", [as_it_comes, deferred])
def test_an_upgrade_that_fails_leaves_nothing_behind(
    empty_url: str, prepare: Callable[[sa.Engine], None]
) -> None:
    execute(empty_url, "CREATE TABLE ordercast_revocations (id INTEGER)")
    engine = engine_of(empty_url)
    if engine.dialect.name == "sqlite":
        prepare(engine)
    with pytest.raises(sa.exc.DBAPIError):
        migrations.upgrade(engine)
    assert tables(empty_url) == {"ordercast_revocations"}


@pytest.mark.parametrize("prepare", [as_it_comes, deferred])
def test_processes_that_upgrade_at_once_make_one_journal(
    empty_url: str, prepare: Callable[[sa.Engine], None]
) -> None:
    engines = [engine_of(empty_url) for _ in range(4)]
    for engine in engines:
        if engine.dialect.name == "sqlite":
            prepare(engine)
    with ThreadPoolExecutor(len(engines)) as hosts:
        for done in [hosts.submit(migrations.upgrade, engine) for engine in engines]:
            done.result()
    assert tables(empty_url) == TABLES
    assert len(rows(empty_url, "ordercast_head")) == 1


def test_a_plain_insert_is_an_event_and_its_data_is_json(empty_url: str) -> None:
    engine = engine_of(empty_url)
    migrations.upgrade(engine)
    now = sa.text(f"SELECT {NOW[engine.dialect.name]}")
    with engine.begin() as connection:
        before = str(connection.scalar(now))
        connection.execute(sa.text(INSERT))
        after = str(connection.scalar(now))
    [event] = rows(empty_url, "ordercast_events")
    assert before <= str(event.created_at) <= after + "999"
    assert (event.position, event.request_id, event.key) == (None, None, None)
    with pytest.raises(sa.exc.DBAPIError), engine.begin() as connection:
        connection.execute(sa.text(INSERT.replace("{}", "{")))


def test_the_command_makes_them_and_says_so(empty_url: str) -> None:
    env = environment(DATABASE_URL=empty_url)
    done = flask("ordercast", "upgrade", env=env)
    assert done.stdout == f"the tables ordercast_* are at revision {migrations.head()}\n"
    assert done.returncode == 0
    assert tables(empty_url) == TABLES


def test_the_command_says_in_one_line_that_the_database_is_unavailable(tmp_path: Path) -> None:
    env = environment(DATABASE_URL=f"postgresql://me:hunter2@/orders?host={tmp_path}")
    done = flask("ordercast", "upgrade", env=env)
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert [line for line in said if line.startswith("database_unavailable: ")] == said[-1:]
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.fixture(scope="module")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `migrations` of a team, as `flask db init` makes it."""
    folder = tmp_path_factory.mktemp("team")
    run_of_team(folder, "init", "", "sqlite://")
    return folder / "migrations"


def run_of_team(folder: Path, command: str, options: str, database: str) -> None:
    """`flask db` in the folder of a team's app."""
    (folder / "team.py").write_text(TEAM.replace("{options}", options))
    env = environment(FLASK_SQLALCHEMY_DATABASE_URI=database, FLASK_ORDERCAST_JWT_SECRET_KEY=SECRET)
    env["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [str(BIN / "flask"), "--app", "team", "db", command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("options", "is_safe"), [(", include_object=include_object", True), ("", False)]
)
def test_flask_db_migrate_of_a_teams_app_drops_none_of_them(
    empty_url: str, initialised: Path, tmp_path: Path, options: str, is_safe: bool
) -> None:
    shutil.copytree(initialised, tmp_path / "migrations")
    migrations.upgrade(engine_of(empty_url))
    database = str(engine_of(empty_url).url.render_as_string(hide_password=False))
    run_of_team(tmp_path, "migrate", options, database)
    [written] = (tmp_path / "migrations" / "versions").glob("*.py")
    assert "create_table('parcel'" in written.read_text()
    assert ("ordercast_" not in written.read_text()) is is_safe


@pytest.mark.parametrize("revision", ["0001", "0004"])
@pytest.mark.parametrize("empty_urls", ["postgres"], indirect=True)
def test_an_open_report_stops_the_upgrade_and_not_the_appends_behind_it(
    empty_url: str, revision: str
) -> None:
    """The upgrade waits for the report's lock, and every append waits for the upgrade's."""
    engine = engine_of(empty_url)
    migrations.upgrade(engine, revision)
    execute(empty_url, INSERT)
    with engine.connect() as report:
        report.execute(sa.text("SELECT count(*) FROM ordercast_events"))
        with ThreadPoolExecutor(1) as pool:
            upgrading = pool.submit(migrations.upgrade, engine)
            wait_until(lambda: rows(empty_url, WAITING), "the upgrade waits")
            execute(empty_url, INSERT)  # goes through when the upgrade gives up
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
                upgrading.result()
        assert len(rows(empty_url, "ordercast_events")) == 2
        assert rows(empty_url, "ordercast_version") == [(revision,)]
    migrations.upgrade(engine)
    kept = rows(empty_url, "ordercast_events")
    assert [(row.room, row.further_rooms) for row in kept] == [("user:1", None)] * 2
    assert tables(empty_url) == TABLES


BEFORE = (  # in a database of the release before, which has given three positions
    "INSERT INTO ordercast_events (room, name, data, key, further_rooms, created_at) VALUES"
    " ('user:1', 'test', '1', 'a', '{user:2}', now() - interval '40 days'),"
    " ('user:1', 'test', '2', NULL, NULL, now() - interval '1 day'),"
    " ('user:1', 'test', '3', NULL, NULL, now() + interval '3 days'),"
    " ('user:1', 'test', '4', NULL, NULL, now())",
    "UPDATE ordercast_events SET position = id WHERE id < 4",
    "UPDATE ordercast_head SET position = 3",
)


@pytest.mark.parametrize("empty_urls", ["postgres"], indirect=True)
def test_the_events_of_before_are_in_a_partition_and_their_programs_go_on(empty_url: str) -> None:
    engine = engine_of(empty_url)
    migrations.upgrade(engine, "0004")
    for statement in BEFORE:
        execute(empty_url, statement)
    before = sorted(tuple(row) for row in rows(empty_url, "ordercast_events"))
    with engine.connect() as old:
        for _ in range(6):  # psycopg has prepared it then
            old.execute(sa.text(INSERT))
            old.rollback()
        migrations.upgrade(engine)
        assert sorted(tuple(row) for row in rows(empty_url, "ordercast_events")) == before
        old.execute(sa.text(INSERT))
        old.commit()
    parts = "tableoid::regclass::text AS part, id FROM ordercast_entries ORDER BY id"
    with engine.connect() as connection:
        found = [row.part for row in connection.execute(sa.text(f"SELECT {parts}"))]
        waiting = list(connection.scalars(sa.text("SELECT id FROM ordercast_waiting ORDER BY id")))
    assert [part[-4:] == "rest" for part in found] == [False, False, True, False, False]
    assert len(set(found)) == 2
    assert waiting == [4, max(waiting)]


@pytest.mark.parametrize("empty_urls", ["postgres"], indirect=True)
def test_an_owner_who_is_no_superuser_upgrades_and_what_was_granted_stays(
    empty_url: str,
) -> None:
    owner, team = "ordercast_owner", "ordercast_team"
    for role in (owner, team):
        execute(empty_url, f"CREATE ROLE {role} LOGIN")
    try:
        execute(empty_url, f"GRANT ALL ON SCHEMA public TO {owner}")
        engine = sa.create_engine(
            engine_of(empty_url).url.set(username=owner), poolclass=sa.NullPool
        )
        migrations.upgrade(engine, "0004")
        url = engine.url.render_as_string(hide_password=False)
        execute(url, f"GRANT INSERT (room, name, data) ON ordercast_events TO {team}")
        execute(url, f"GRANT SELECT ON ordercast_events TO {team}")
        execute(url, f"GRANT USAGE ON SEQUENCE ordercast_events_id_seq TO {team}")
        migrations.upgrade(engine)
        theirs = engine.url.set(username=team).render_as_string(hide_password=False)
        execute(theirs, INSERT)
        [event] = rows(theirs, "ordercast_events")
        assert (event.room, event.position) == ("user:1", None)
        for statement in (
            "INSERT INTO ordercast_events (room, name, data, position) VALUES ('a', 'b', '1', 1)",
            "UPDATE ordercast_events SET room = 'a'",
            "SELECT ordercast_add_day('2020-01-01')",
        ):
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                execute(theirs, statement)
        execute(url, "SELECT ordercast_add_day('2020-01-01')")
        execute(url, "DELETE FROM ordercast_events")
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT ordercast_drop_day('2020-01-01')"))
    finally:
        for role in (team, owner):
            execute(empty_url, f"DROP OWNED BY {role} CASCADE")
            execute(empty_url, f"DROP ROLE {role}")

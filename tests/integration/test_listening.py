"""NOTIFY of `ordercast_append()` wakes the worker. LISTEN may fail: the worker polls as well."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from sqlalchemy import create_engine, make_url

from ordercast import engine_options, harden
from ordercast.database import Database
from ordercast.journal import Listener
from tests.harness.servers.pgbouncer import PgBouncer
from tests.harness.servers.postgres import Postgres
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

APPEND = "SELECT ordercast_append('user:7', 'test', '{}')"
HEARS_NOTHING = "LISTEN hears nothing, as through a pooler in transaction mode; polling"
TRIAL_SECONDS = 0.5

Listen = Callable[[str], threading.Event]


def database(url: str, *, prepare: bool = True) -> Database:
    engine = create_engine(url, **engine_options(url, prepare=prepare))
    harden(engine)
    return Database(lambda: engine)


@pytest.fixture
def listen() -> Iterator[Listen]:
    """A builder: listens to this database -> what is set at each notification."""
    stop, started = threading.Event(), list[tuple[Listener, Database]]()

    def begin(url: str) -> threading.Event:
        rung, of = threading.Event(), database(url, prepare=False)
        listener = Listener(
            of, rung, stop=stop, trial_seconds=TRIAL_SECONDS, deaf_seconds=TRIAL_SECONDS
        )
        listener.start()
        started.append((listener, of))
        return rung

    yield begin
    stop.set()
    for listener, of in started:
        listener.join(DEADLINE_SECONDS)
        assert not listener.is_alive()
        of.engine.dispose()


def plain(url: str) -> str:
    """For psycopg itself."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def test_it_rings_when_it_begins_to_listen_and_at_each_commit(
    postgres_url: str, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    """What was committed before it listened, nobody heard."""
    rung = listen(postgres_url)
    wait_until(rung.is_set, "it listens")
    with psycopg.connect(plain(postgres_url)) as program:
        for _ in range(3):
            rung.clear()
            program.execute(APPEND)
            program.commit()
            wait_until(rung.is_set, "it has heard the commit")
    assert not caplog.records


def test_a_session_that_is_ended_is_replaced_by_another(
    postgres_url: str, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    rung = listen(postgres_url)
    wait_until(rung.is_set, "it listens")
    rung.clear()
    name = make_url(postgres_url).database
    with psycopg.connect(plain(postgres_url), autocommit=True) as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        ).fetchall()
        assert ended
        wait_until(rung.is_set, "it listens again")
        rung.clear()
        admin.execute(APPEND)
        wait_until(rung.is_set, "it has heard the commit")
    assert caplog.text.count("notifications not heard; polling") == 1


def test_through_a_pooler_in_transaction_mode_polling_is_said_once(
    postgres: tuple[Postgres, str],
    postgres_url: str,
    listen: Listen,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with TemporaryDirectory(prefix="ordercast-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        socket_folder = make_url(postgres[0].url("postgres")).query["host"]
        pgbouncer = PgBouncer(Path(folder), str(socket_folder))
        try:
            url = pgbouncer.url(str(make_url(postgres_url).database))
            rung = listen(url)
            wait_until(lambda: HEARS_NOTHING in caplog.text, "it has noticed")
            with psycopg.connect(url, prepare_threshold=None, autocommit=True) as program:
                program.execute(APPEND)  # works, and wakes nobody
            assert not rung.is_set()
        finally:
            pgbouncer.stop()
    wait_until(lambda: "notifications not heard" in caplog.text, "it has tried again")
    assert caplog.text.count(HEARS_NOTHING) == 1


def test_on_sqlite_there_is_nothing_to_listen_to(sqlite_url: str) -> None:
    listener = Listener(database(sqlite_url), threading.Event(), stop=threading.Event())
    listener.start()
    listener.join(DEADLINE_SECONDS)
    assert not listener.is_alive()

"""A database that answers and takes no changes: 503 until it takes them, and no restart for it."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, text

from app import create_app
from app.config import Settings
from app.db import db
from app.extension import cast
from tests.harness.application import journal
from tests.harness.application.market import error, good
from tests.harness.faults.proxy import Proxy
from tests.harness.people.visitor import Visitor
from tests.harness.processes.process import SECRET
from tests.harness.servers.clusters import Cluster
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

BOB = {"email": "bob@example.com", "name": "Bob"}
FILE_BYTES = 1_000_000  # more than the database's own file has


@pytest.fixture
def build(redis_server: RedisServer) -> Iterator[Callable[[str], Visitor]]:
    """A builder: somebody at an application on this database."""
    built: list[Flask] = []

    def make(url: str) -> Visitor:
        built.append(
            create_app(
                Settings.of(DATABASE_URL=url, REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET)
            )
        )
        return Visitor(built[-1])

    yield make
    for app in built:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def readiness(visitor: Visitor) -> tuple[int, str, str]:
    answer = visitor.call("GET", "/readyz")
    body: Any = answer.json
    return answer.status_code, body["status"], body["database"]


def findings(visitor: Visitor) -> dict[str, tuple[str, str]]:
    with visitor.app.app_context():
        return {one.name: (one.level.value, one.text) for one in cast.examine()}


UNAVAILABLE = (503, "unavailable")


def refused(visitor: Visitor, why: str, readyz: tuple[int, str] = UNAVAILABLE) -> None:
    """What needs a change is told to come again, and every question about health says why."""
    answer = visitor.register(**BOB)
    assert error(answer) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert readiness(visitor) == (*readyz, why)
    level, found = findings(visitor)["database"]
    assert level == "fail"
    assert found.startswith(f"{why}: ")
    assert error(visitor.register(**BOB)) == (503, "database_unavailable")


def works_again(visitor: Visitor) -> None:
    wait_until(lambda: readiness(visitor) == (200, "ok", "ok"), "it is ready again")
    good(visitor.register(**BOB), 201)
    assert findings(visitor)["database"][0] == "ok"


@contextmanager
def read_only(server: Postgres, url: str) -> Iterator[None]:
    """New sessions can only read, and all are new: what a failover leaves in a pool."""
    name = make_url(url).database
    change = f'ALTER DATABASE "{name}" SET default_transaction_read_only ='
    leave = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(f"{change} on".encode())
        admin.execute(leave, [name])
        yield
        admin.execute(f"{change} off".encode())


def test_sessions_that_are_read_only_are_left_and_not_kept(
    postgres: tuple[Postgres, str], postgres_url: str, build: Callable[[str], Visitor]
) -> None:
    visitor = build(postgres_url)
    good(visitor.register(), 201)
    with read_only(postgres[0], postgres_url):
        wait_until(lambda: readiness(visitor)[0] == 503, "the sessions are new")
        refused(visitor, "read-only")
        assert error(visitor.log_in()) == (503, "database_unavailable")
    works_again(visitor)


def test_sessions_of_a_server_that_became_a_standby_are_left(
    clusters: tuple[Cluster, Cluster], build: Callable[[str], Visitor]
) -> None:
    primary, standby = clusters
    with closing(Proxy(standby.port)) as network:
        visitor = build(f"postgresql://postgres@{network.address}/orders")
        refused(visitor, "read-only")
        network.lead_to(primary.port)  # the sessions there are stay open, and stay where they are
        works_again(visitor)


def test_reads_do_not_stay_with_a_standby(
    clusters: tuple[Cluster, Cluster], build: Callable[[str], Visitor]
) -> None:
    primary, standby = clusters
    with closing(Proxy(standby.port)) as network:
        app = build(f"postgresql://postgres@{network.address}/orders").app

        def reads_from(server: Cluster) -> bool:
            with app.app_context():
                journal.head()
                return bool(db.session.scalar(text("SELECT inet_server_port()")) == server.port)

        assert reads_from(standby)
        network.lead_to(primary.port)
        wait_until(lambda: reads_from(primary), "reads go to the primary")


def test_of_several_hosts_the_one_that_takes_changes_is_used(
    clusters: tuple[Cluster, Cluster], build: Callable[[str], Visitor]
) -> None:
    primary, standby = clusters
    hosts = f"{standby.address},{primary.address}"
    visitor = build(f"postgresql://postgres@{hosts}/orders?target_session_attrs=read-write")
    good(visitor.register(), 201)
    standby.follow(primary)

    primary.stop()
    assert error(visitor.register(**BOB)) == (503, "database_unavailable")
    standby.promote()

    works_again(visitor)
    good(visitor.log_in())  # what was committed before is there


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Meanwhile this process cannot write beyond so many bytes of a file, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def long_log(url: str) -> Iterator[None]:
    """SQLite's log grows past FILE_BYTES, and nobody shortens it meanwhile."""
    with closing(sqlite3.connect(str(make_url(url).database))) as other:
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("CREATE TABLE filler (data BLOB)")
        other.execute("INSERT INTO filler VALUES (zeroblob(?))", [FILE_BYTES])
        other.commit()
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM filler").fetchone()  # as it was at this moment
        yield


def test_a_disk_without_room_is_said_until_there_is_room(
    sqlite_url: str, build: Callable[[str], Visitor]
) -> None:
    visitor = build(sqlite_url)
    good(visitor.register(), 201)
    with long_log(sqlite_url), files_end_at(FILE_BYTES):
        answer = visitor.register(**BOB)
        assert error(answer) == (503, "database_unavailable")
        assert readiness(visitor)[:2] == (503, "unavailable")
        assert findings(visitor)["database"][0] == "fail"
        assert error(visitor.log_in()) == (503, "database_unavailable")
    works_again(visitor)


def test_a_file_that_may_only_be_read_is_said(
    sqlite_url: str, build: Callable[[str], Visitor]
) -> None:
    path = Path(str(make_url(sqlite_url).database))
    visitor = build(f"sqlite:///file:{path}?mode=ro&uri=true")
    refused(visitor, "read-only")


def test_a_writer_of_another_program_is_said_and_the_process_stays_ready_for_reads(
    sqlite_url: str, build: Callable[[str], Visitor]
) -> None:
    visitor = build(sqlite_url)
    with closing(sqlite3.connect(str(make_url(sqlite_url).database))) as other:
        other.execute("BEGIN IMMEDIATE")
        refused(visitor, "busy", (200, "degraded"))
    works_again(visitor)


def test_the_probe_changes_nothing(app: Flask, settings: Settings) -> None:
    before: Any = None
    if db.engine.dialect.name == "sqlite":
        db.session.execute(text("PRAGMA user_version = 7"))
        db.session.commit()
        before = 7
    visitor = Visitor(app)
    assert readiness(visitor)[2] == "ok"
    if before:
        assert db.session.scalar(text("PRAGMA user_version")) == before

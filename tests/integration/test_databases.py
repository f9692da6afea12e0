"""Databases as they come: poolers, other defaults, other encodings."""

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, select

from app import create_app
from app.accounts.models import User
from app.config import Settings
from app.db import db, transaction
from app.extension import cast
from ordercast.doctor import connections
from ordercast.doctor.finding import Doubtful
from ordercast.worker.limits import limit_transactions
from ordercast.worker.pruning import prune_once
from tests.harness.application import journal
from tests.harness.application.market import basket, error, good
from tests.harness.people.visitor import Visitor
from tests.harness.processes.process import SECRET, environment, flask
from tests.harness.servers.clusters import Cluster
from tests.harness.servers.migrating import migrate
from tests.harness.servers.pgbouncer import PgBouncer
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer

BUYERS = 8
ORDERS = 40
PREPARED = 10  # after so many times psycopg has prepared a statement


@pytest.fixture
def build(redis_server: RedisServer) -> Iterator[Callable[..., Visitor]]:
    """A builder: somebody at an application on this database."""
    built: list[Flask] = []

    def make(url: str, **changes: Any) -> Visitor:
        settings = Settings.of(
            DATABASE_URL=url, REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET, **changes
        )
        built.append(create_app(settings))
        return Visitor(built[-1])

    yield make
    for app in built:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def pgbouncer(postgres: tuple[Postgres, str]) -> Iterator[PgBouncer]:
    with TemporaryDirectory(prefix="ordercast-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        socket_folder = make_url(postgres[0].url("postgres")).query["host"]
        bouncer = PgBouncer(Path(folder), str(socket_folder))
        yield bouncer
        bouncer.stop()


@pytest.fixture
def encoded(postgres: tuple[Postgres, str]) -> Iterator[Callable[[str], str]]:
    """A builder: an empty database in this encoding -> its URL."""
    server, names = postgres[0], list[str]()

    def make(encoding: str) -> str:
        names.append(f"test_{encoding.lower()}")
        options = f"TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {names[-1]} {options}".encode())
        return server.url(names[-1])

    yield make
    for name in names:
        server.drop(name)


@contextmanager
def in_transaction(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Another program has one of the pooler's sessions."""
    with psycopg.connect(url, prepare_threshold=None) as connection:
        connection.execute("SELECT 1")
        yield connection


# Of a session that the next client gets: no prepared statement, no lock, no setting stays there.
IN_SESSION = """
    SELECT (SELECT count(*) FROM pg_prepared_statements),
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
        (SELECT count(*) FROM pg_listening_channels()),
        current_setting('lock_timeout'), current_setting('statement_timeout'),
        current_setting('idle_in_transaction_session_timeout')
"""
LEFT_AS_THEY_WERE = (0, 0, 0, "0", "0", "0")


def both_sessions(url: str) -> list[Any]:
    """What is left in each of the pooler's two sessions."""
    with in_transaction(url) as one, in_transaction(url) as other:
        return [session.execute(IN_SESSION).fetchone() for session in (one, other)]


def a_teams_view() -> dict[str, Any]:
    with transaction() as session:
        return {"name": session.scalar(select(User.name).where(User.id == 1))}


def people(visitor: Visitor) -> tuple[str, str]:
    """Alice's token, and the id of what she buys."""
    good(visitor.register(), 201)
    good(visitor.register(email="bob@example.com", name="Bob", role="seller"), 201)
    alice = good(visitor.log_in())["accessToken"]
    bob = good(visitor.log_in("bob@example.com"))["accessToken"]
    tea = {"name": "Tea", "priceCents": 250, "stock": 1000, "lowStockThreshold": 2}
    return alice, good(visitor.call("POST", "/api/products", bob, json=tea), 201)["id"]


def order_all_at_once(visitor: Visitor) -> list[int]:
    """The status of each of ORDERS orders of the same thing."""
    alice, tea = people(visitor)

    def order(_number: int) -> int:
        body = basket(({"id": tea}, 1))
        return visitor.call("POST", "/api/orders", alice, json=body).status_code

    with ThreadPoolExecutor(BUYERS) as buyers:
        return list(buyers.map(order, range(ORDERS)))


def test_behind_a_pooler_in_transaction_mode_everything_works(
    pgbouncer: PgBouncer, postgres_url: str, build: Callable[..., Visitor]
) -> None:
    name = str(make_url(postgres_url).database)
    env = environment(DATABASE_URL=pgbouncer.url(name), DATABASE_PREPARE="0")
    assert flask("db", "upgrade", env=env).returncode == 0
    visitor = build(pgbouncer.url(name), DATABASE_PREPARE=False)
    assert order_all_at_once(visitor) == [201] * ORDERS
    assert good(visitor.call("GET", "/readyz"))["database"] == "ok"
    service = visitor.app.extensions["ordercast"]
    limit_transactions(service.database)
    with visitor.app.app_context():
        cast.emit("notification", {"title": "Hi", "message": "You", "type": "info"}, to="user:1")
        assert journal.sequence_once(lambda _message: None) > ORDERS
        assert prune_once(service.database, service.journal, 7) is False  # adds days
        assert len(cast.missed("user:1", after=0).events) > ORDERS
    [counted] = connections.examinations(service.database, service.broker, steps=0)
    assert counted.ask().endswith("of a pooler, whose limits count")
    for session in both_sessions(pgbouncer.url(name)):
        assert session == LEFT_AS_THEY_WERE


def test_the_smallest_pool_serves_and_the_doctor_counts_what_processes_may_open(
    postgres: tuple[Postgres, str],
    postgres_url: str,
    build: Callable[..., Visitor],
) -> None:
    """One connection of the pool and four for emits: five of a web process."""
    visitor = build(postgres_url, DATABASE_POOL=1, DATABASE_OVERFLOW=0, REDIS_PREFIX="counted")
    assert order_all_at_once(visitor) == [201] * ORDERS
    with visitor.app.app_context():
        cast.emit("notification", {"title": "Hi", "message": "You", "type": "info"}, to="user:1")
        assert journal.sequence_once(lambda _message: None) > ORDERS

    service = visitor.app.extensions["ordercast"]
    broker = service.broker
    [count] = connections.examinations(service.database, broker, steps=0)
    assert count.ask().startswith("1 web process(es) and 1 worker(s) may open 11 of ")
    with psycopg.connect(postgres[0].url("postgres"), autocommit=True) as admin:
        name = make_url(postgres_url).database
        admin.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 15'.encode())
    with broker.connect() as client, client.pubsub() as one, client.pubsub() as another:
        for process in (one, another):
            process.subscribe(broker.journal_channel)
        with pytest.raises(Doubtful, match=r"2 web process.* may open 16, the database takes 15"):
            count.ask()


def test_a_pooler_that_shares_prepared_statements_is_one_line_with_the_setting(
    pgbouncer: PgBouncer,
    postgres_url: str,
    build: Callable[..., Visitor],
    capfd: pytest.CaptureFixture[str],
) -> None:
    url = pgbouncer.url(str(make_url(postgres_url).database))
    visitor = build(url)
    visitor.app.add_url_rule("/team", view_func=a_teams_view)
    with in_transaction(url) as one:
        for _ in range(PREPARED):
            good(visitor.call("GET", "/team"))  # on the other of the pooler's two sessions
        with in_transaction(url):
            one.rollback()  # and now on this one
            assert error(visitor.call("GET", "/team")) == (503, "database_unavailable")
    good(visitor.call("GET", "/team"))
    service = visitor.app.extensions["ordercast"]
    [count] = connections.examinations(service.database, service.broker, steps=0)
    with pytest.raises(Doubtful, match="a pooler shares its sessions, and prepared statements"):
        count.ask()
    said = capfd.readouterr().err
    assert "engine_options(url, prepare=False)" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_another_default_for_isolation_changes_nothing(
    postgres: tuple[Postgres, str], postgres_url: str, build: Callable[..., Visitor], level: str
) -> None:
    name = make_url(postgres_url).database
    with psycopg.connect(postgres[0].url("postgres"), autocommit=True) as admin:
        change = f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{level}'"
        admin.execute(change.encode())
    assert order_all_at_once(build(postgres_url)) == [201] * ORDERS


def test_a_database_in_latin1_keeps_what_it_can_and_refuses_the_rest(
    encoded: Callable[[str], str], build: Callable[..., Visitor]
) -> None:
    url = encoded("LATIN1")
    migrate(url)
    visitor = build(url)
    assert good(visitor.register(name="Zoë"), 201)["name"] == "Zoë"
    answer = visitor.register(email="bob@example.com", name="Bób ☕")
    assert error(answer) == (422, "validation_error")
    assert good(visitor.call("GET", "/readyz"))["database"] == "ok"
    assert good(visitor.log_in())["user"]["name"] == "Zoë"


def test_a_database_of_bytes_is_refused_in_one_line_everywhere(
    encoded: Callable[[str], str], build: Callable[..., Visitor]
) -> None:
    url = encoded("SQL_ASCII")
    done = flask("db", "upgrade", env=environment(DATABASE_URL=url))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "encoding SQL_ASCII" in done.stderr.splitlines()[-1]
    visitor = build(url)
    assert error(visitor.register()) == (503, "database_unavailable")
    assert visitor.call("GET", "/readyz").status_code == 503
    with visitor.app.app_context():
        found = {one.name: one.text for one in cast.examine()}
    assert "encoding SQL_ASCII" in found["database"]


def patience(visitor: Visitor) -> list[int]:
    """What the kernel knows of this connection: silence in seconds before it asks, between
    questions, how many, and ms without an acknowledgement."""
    with visitor.app.app_context():
        driver: Any = db.session.connection().connection.driver_connection
        with socket.socket(fileno=os.dup(driver.fileno())) as connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            return [
                connection.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    socket.TCP_KEEPIDLE,
                    socket.TCP_KEEPINTVL,
                    socket.TCP_KEEPCNT,
                    socket.TCP_USER_TIMEOUT,
                )
            ]


def test_a_host_that_vanishes_is_noticed_unless_the_url_says_otherwise(
    clusters: tuple[Cluster, Cluster], build: Callable[..., Visitor]
) -> None:
    url = clusters[0].url("orders")
    idle, interval, count, unacknowledged = patience(build(url))
    assert idle + interval * count <= 20
    assert unacknowledged <= 20_000
    chosen = "keepalives_idle=60&tcp_user_timeout=90000"
    assert patience(build(f"{url}?{chosen}")) == [60, interval, count, 90_000]


def test_a_host_that_takes_connections_and_says_nothing_is_given_up(
    build: Callable[..., Visitor],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        visitor = build(f"postgresql://me@127.0.0.1:{port}/orders?connect_timeout=2")
        answer = visitor.register()
    assert error(answer) == (503, "database_unavailable")

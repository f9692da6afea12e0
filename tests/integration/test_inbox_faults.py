"""The inbox when a worker dies, Redis hangs or the database is down: none lost, none twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.config import Settings
from app.db import db
from ordercast.broker import Broker
from tests.harness.application.mailbox import MOMENTS, Mailbox, at, drain_once, journalled
from tests.harness.processes.process import ROOT, SECRET, environment
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer

WORKER = """
import os, signal, sys
from sqlalchemy import event
from app import create_app
from ordercast.broker import Broker
from app.db import db
from tests.harness.application.mailbox import drain_once

app = create_app()
with app.app_context():
    event.listen(db.engine, sys.argv[1], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    broker = Broker(os.environ["REDIS_URL"])
    drain_once(broker.connect(), broker)
"""


@pytest.fixture
def settings(database_url: str, own_redis: RedisServer) -> Settings:
    return Settings.of(DATABASE_URL=database_url, REDIS_URL=own_redis.url, JWT_SECRET_KEY=SECRET)


@pytest.fixture
def mailbox(own_redis: RedisServer, app: Flask) -> Iterator[Mailbox]:
    mailbox = Mailbox(own_redis.url)
    yield mailbox
    mailbox.redis.close()


@pytest.mark.parametrize(
    ("moment", "in_the_journal"), [("before_commit", []), ("after_commit", ["1", "2"])]
)
def test_what_a_killed_worker_had_begun_is_finished_by_another_and_once(
    app: Flask, mailbox: Mailbox, settings: Settings, moment: str, in_the_journal: list[str]
) -> None:
    # The race: SIGKILL before the commit, and between the commit and the entries leaving the
    # stream.
    for title in ("1", "2"):
        mailbox.add(title)
    env = environment(DATABASE_URL=settings.DATABASE_URL, REDIS_URL=settings.REDIS_URL)
    command = [sys.executable, "-c", WORKER, MOMENTS[moment]]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert journalled() == in_the_journal
    assert mailbox.waiting() == 2
    mailbox.add("3")
    mailbox.drain()
    assert journalled() == ["1", "2", "3"]
    assert mailbox.waiting() == 0


def test_a_redis_that_hangs_after_the_commit_doubles_nothing(
    app: Flask, mailbox: Mailbox, own_redis: RedisServer
) -> None:
    mailbox.add("once")
    with (
        Broker(own_redis.url).connect(timeout=0.2) as client,
        at("after_commit", lambda _session: own_redis.freeze()),
        pytest.raises(redis.TimeoutError),
    ):
        drain_once(client, Broker(own_redis.url))
    assert journalled() == ["once"]
    own_redis.thaw()
    mailbox.drain()
    assert journalled() == ["once"]
    assert mailbox.waiting() == 0


def test_a_connection_that_is_cut_after_the_commit_doubles_nothing(
    app: Flask, mailbox: Mailbox, own_redis: RedisServer
) -> None:
    mailbox.add("once")
    with (
        Broker(own_redis.url).connect() as client,
        at(
            "after_commit",
            lambda _session: mailbox.redis.client_kill_filter(_type="normal", skipme=True),
        ),
    ):
        drain_once(client, Broker(own_redis.url))
    mailbox.drain()
    assert journalled() == ["once"]
    assert mailbox.waiting() == 0


def test_without_redis_the_step_says_so(app: Flask, own_redis: RedisServer) -> None:
    own_redis.kill()
    with Broker(own_redis.url).connect() as client, pytest.raises(redis.ConnectionError):
        drain_once(client, Broker(own_redis.url))


@contextmanager
def unavailable(url: str, postgres: Postgres) -> Iterator[None]:
    """The database does not let anybody in."""
    if url.startswith("sqlite"):
        with unavailable_sqlite(Path(url.removeprefix("sqlite:///"))):
            yield
        return
    name = urlsplit(url).path.strip("/")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        yield
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


@contextmanager
def unavailable_sqlite(file: Path) -> Iterator[None]:
    hidden = file.with_suffix(".hidden")
    os.rename(file, hidden)
    file.mkdir()  # or SQLite would make a new one
    yield
    file.rmdir()
    os.rename(hidden, file)


def test_while_the_database_is_unavailable_entries_wait_and_poison_too(
    app: Flask, mailbox: Mailbox, settings: Settings, postgres: tuple[Postgres, str]
) -> None:
    db.session.remove()
    db.engine.dispose()
    mailbox.add("waits")
    mailbox.add("poison", data=b"{")
    with unavailable(settings.DATABASE_URL, postgres[0]):
        for _ in range(2):
            with pytest.raises(OperationalError):
                drain_once(mailbox.redis, mailbox.broker)
        assert mailbox.waiting() == 2
        assert mailbox.refused() == []
    mailbox.add("too")
    mailbox.drain()
    assert journalled() == ["waits", "too"]
    assert len(mailbox.refused()) == 1

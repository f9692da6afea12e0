"""Everything fails, in turn and at random, under a steady stream: nothing is lost, doubled or late.

`make test` runs it for a short time, `make soak` for long: SOAK_SECONDS, and SOAK_SEED to repeat a
run. What is true is what the journal holds at the end; each client, over each transport setting,
its connection cut again and again, must have received exactly that, in that order.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app import create_app
from app.accounts import tokens
from app.accounts.models import Role
from app.config import Settings
from app.db import db, transaction
from app.emitters import Emitters
from ordercast import broker
from tests.harness.application import journal
from tests.harness.clients.stock import StockClient
from tests.harness.processes.process import SECRET
from tests.harness.processes.service import Service
from tests.harness.servers.migrating import migrate
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

SECONDS = float(os.environ.get("SOAK_SECONDS", "12"))
SEED = int(os.environ.get("SOAK_SEED", "5282"))
PER_SECOND = 20  # events, over all clients
RECOVER_SECONDS = 60  # after the last fault, for everything to be back and caught up
TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "both": ["polling", "websocket"]}
USERS = ("1", "2")  # of each, one client on each transport setting


class World:
    """Real processes and servers, each of which can be hurt and comes back."""

    def __init__(self, folder: Path) -> None:
        (folder / "postgres").mkdir()
        self.postgres = Postgres(folder / "postgres")
        self.redis = RedisServer(folder)
        self.redis.start()
        self.database_url = self.postgres.url(self.postgres.new_database())
        migrate(self.database_url)
        self.service = Service(
            folder,
            database_url=self.database_url,
            redis_url=self.redis.url,
            PING_INTERVAL="2",
            PING_TIMEOUT="2",
        ).start()

    def kill_web(self) -> None:
        """kill -9 of the serving process; gunicorn starts another one."""
        os.kill(self.service.worker_process(), signal.SIGKILL)

    def kill_worker(self) -> None:
        assert self.service.worker is not None
        self.service.worker.kill()
        self.service.start_worker()

    def kill_redis(self) -> None:
        self.redis.kill()
        self.redis.start()

    def freeze_redis(self) -> None:
        self.redis.freeze()
        threading.Timer(1.0, self.redis.thaw).start()

    def flush_redis(self) -> None:
        with broker.connect(self.redis.url) as client:
            client.flushall()

    def kill_postgres(self) -> None:
        self.postgres.kill()
        self.postgres.start()

    @property
    def faults(self) -> list[Callable[[], None]]:
        return [
            self.kill_web,
            self.kill_worker,
            self.kill_redis,
            self.freeze_redis,
            self.flush_redis,
            self.kill_postgres,
        ]

    def stop(self) -> None:
        self.service.stop()
        self.redis.stop()
        self.postgres.stop()


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("chaos"))
    yield world
    world.stop()


@pytest.fixture
def app(world: World) -> Iterator[Flask]:
    settings = Settings.of(
        DATABASE_URL=world.database_url, REDIS_URL=world.redis.url, JWT_SECRET_KEY=SECRET
    )
    app = create_app(settings)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


class Stream(threading.Thread):
    """Commits durable events steadily, for all users in turn. A commit that a dying database
    answers with an error may have happened or not: the journal knows."""

    def __init__(self, app: Flask) -> None:
        super().__init__(name="stream")
        self._app = app
        self.stop = threading.Event()
        self.tries = 0

    def run(self) -> None:
        while not self.stop.wait(1 / PER_SECOND):
            self.tries += 1
            user = USERS[self.tries % len(USERS)]
            note = {"title": str(self.tries), "message": "chaos", "type": "info"}
            with self._app.app_context():
                try:
                    with transaction():
                        Emitters(journal.append).send_notification(user, note)
                except SQLAlchemyError:
                    self.stop.wait(0.1)


class Cutter(threading.Thread):
    """Cuts the clients' connections at random moments."""

    def __init__(self, clients: list[StockClient], dice: random.Random) -> None:
        super().__init__(name="cutter")
        self._clients = clients
        self._dice = dice
        self.stop = threading.Event()
        self.cuts = 0

    def run(self) -> None:
        while not self.stop.wait(self._dice.uniform(0.1, 0.6)):
            self._dice.choice(self._clients).tell(cut=True)
            self.cuts += 1


def announced(app: Flask, user: str) -> list[int]:
    """The positions that this user's room got, all of them sequenced."""
    with app.app_context():
        return [entry.position for entry in journal.since(0, limit=10**6, rooms=[f"user:{user}"])]


def received(client: StockClient) -> list[int]:
    return [int(args[-1]) for args in client.events("notification")]


def test_nothing_is_lost_doubled_or_out_of_order_whatever_fails(world: World, app: Flask) -> None:
    dice = random.Random(SEED)
    with app.app_context():
        token = {
            user: tokens.issue("access", user, Role.CUSTOMER, seconds=86_400) for user in USERS
        }
    clients = {
        (user, name): StockClient(world.service.url, token[user], transports=transports)
        for user in USERS
        for name, transports in TRANSPORTS.items()
    }
    stream, cutter = Stream(app), Cutter(list(clients.values()), random.Random(SEED + 1))
    try:
        for client in clients.values():
            client.wait("connect")
        stream.start()
        cutter.start()
        until = time.monotonic() + SECONDS
        # Each fault once, in random order, then any at random.
        waiting = dice.sample(world.faults, len(world.faults))
        while waiting or time.monotonic() < until:
            fault = waiting.pop() if waiting else dice.choice(world.faults)
            fault()
            cutter.stop.wait(dice.uniform(0.5, 2.5))
        for thread in (cutter, stream):
            thread.stop.set()
            thread.join()

        for (user, name), client in clients.items():
            wait_until(
                lambda client=client, user=user: received(client) == announced(app, user),  # type: ignore[misc]
                f"user {user} over {name} has everything (seed {SEED})",
                seconds=RECOVER_SECONDS,
            )
        assert stream.tries > 0
        assert cutter.cuts > 0
        for user in USERS:
            assert len(announced(app, user)) > stream.tries / len(USERS) / 2
        for client in clients.values():
            back = client.all("connect")[1:]
            assert back
            assert [one["recovered"] for one in back] == [True] * len(back)
    finally:
        stream.stop.set()
        cutter.stop.set()
        for client in clients.values():
            client.close()

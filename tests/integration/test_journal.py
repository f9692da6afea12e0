"""The journal under concurrent commits: positions without holes, every event fanned out once."""

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import create_app
from app.config import Settings
from app.db import db, transaction
from ordercast.journal import Entry
from ordercast.live.follower import Follower
from tests.harness.application import journal
from tests.harness.application.journal import sequence_once
from tests.harness.processes.process import SECRET
from tests.harness.servers.redis import RedisServer

TRANSACTIONS = 20


class Recorder:
    """What a follower needs of the client manager; remembers what it was given."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    def hosts(self, _rooms: object) -> bool:
        return True

    def note_position(self, position: int) -> None:
        pass

    def emit_entry(self, entry: Entry) -> None:
        self.positions.append(entry.position)

    def dismiss(self, mark: Any) -> None:
        raise AssertionError("no control events here")

    def close_all(self) -> None:
        raise AssertionError("nobody is too many here")


@pytest.fixture
def app_on_postgres(postgres_url: str, redis_server: RedisServer) -> Iterator[Flask]:
    """On PostgreSQL alone: SQLite lets one writer through at a time, so nothing overlaps there."""
    app = create_app(
        Settings.of(DATABASE_URL=postgres_url, REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET)
    )
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


class Writer(threading.Thread):
    """One transaction in a thread: it appends, flushes, and commits when it is its turn."""

    def __init__(self, app: Flask, name: str, events: int) -> None:
        super().__init__(name=name)
        self._app = app
        self._events = events
        self.appended = threading.Event()
        self.turn = threading.Event()

    def run(self) -> None:
        with self._app.app_context(), transaction() as session:
            for number in range(self._events):
                journal.append("user:1", "test", {"writer": self.name, "number": number})
            session.flush()  # the ids are given now, long before the commit
            self.appended.set()
            assert self.turn.wait(60)

    def commit(self) -> None:
        self.turn.set()
        self.join(60)


def positions(app: Flask) -> list[Entry]:
    with app.app_context():
        return journal.since(0, limit=10_000)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    order=st.permutations(range(TRANSACTIONS)),
    sizes=st.lists(st.integers(0, 4), min_size=TRANSACTIONS, max_size=TRANSACTIONS),
    sequence_after=st.sets(st.integers(0, TRANSACTIONS - 1)),
    network=st.randoms(use_true_random=False),
)
def test_overlapping_commits_get_contiguous_positions_and_are_fanned_out_once_in_order(
    app_on_postgres: Flask,
    order: list[int],
    sizes: list[int],
    sequence_after: set[int],
    network: random.Random,
) -> None:
    # The race: ids are given at insert and become visible at commit, so a reader of `id > last`
    # that runs in between skips for ever what had a lower id and committed later.
    app = app_on_postgres
    sockets = [Recorder(), Recorder()]
    followers = [Follower(journal.of(app), recorder) for recorder in sockets]
    for follower in followers:
        assert follower.step() == "start"
    already = followers[0].last
    writers = [Writer(app, str(n), size) for n, size in enumerate(sizes)]
    with ExitStack() as stack:
        for writer in writers:
            writer.start()
            stack.callback(writer.turn.set)
            assert writer.appended.wait(60)

        def publish(message: bytes) -> None:
            """A network that drops, doubles and holds back, for each follower on its own."""
            for number, follower in enumerate(followers):
                held[number].append(message)
                for one in [m for m in held[number] if network.random() < 0.5]:
                    follower.receive(one)
                    if network.random() < 0.7:
                        held[number].remove(one)

        held: list[list[bytes]] = [[], []]
        for step, number in enumerate(order):
            writers[number].commit()
            if step in sequence_after:
                with app.app_context():
                    sequence_once(publish, limit=network.choice([1, 3, 200]))
    with app.app_context():
        while sequence_once(publish):
            continue
    for follower in followers:
        follower.read_soon()
        follower.step()

    total = sum(sizes)
    entries = positions(app)[already:]
    assert [entry.position for entry in entries] == list(range(already + 1, already + total + 1))
    for recorder in sockets:
        assert recorder.positions == [entry.position for entry in entries]


def test_sequencers_at_the_same_moment_share_the_work(app: Flask) -> None:
    # The race: two workers see the same unsequenced events; the lock on ordercast_head lets one
    # through, and the other finds nothing left.
    with transaction():
        for number in range(50):
            journal.append("user:1", "test", {"number": number})
    db.session.remove()
    published: list[bytes] = []
    barrier = threading.Barrier(4)

    def sequence() -> None:
        with app.app_context():
            barrier.wait(30)
            while sequence_once(published.append, limit=7):
                continue

    threads = [threading.Thread(target=sequence) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [entry.position for entry in positions(app)] == list(range(1, 51))
    assert journal.head().position == 50


def test_ids_that_committed_late_come_after_those_already_sequenced(
    app_on_postgres: Flask,
) -> None:
    early, late = Writer(app_on_postgres, "early", 1), Writer(app_on_postgres, "late", 1)
    with ExitStack() as stack:
        for writer in (late, early):  # `late` gets the lower id
            writer.start()
            stack.callback(writer.turn.set)
            assert writer.appended.wait(60)
        for writer in (early, late):
            writer.commit()
            with app_on_postgres.app_context():
                assert sequence_once(lambda message: None) == 1
    assert ['"early"' in entry.data for entry in positions(app_on_postgres)] == [True, False]

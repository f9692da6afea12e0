"""Emits from outside: every worker hears them, one journals them, and another goes on after it.

The workers are in this process, without a subscription of their own: the test is the channel.
"""

import json
import random
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import Connection, delete, event, select
from sqlalchemy.exc import SQLAlchemyError

from app.db import db
from ordercast.emits import Durable, heard, messages
from ordercast.emits.leading import lead, lock_lead, write_lead
from ordercast.emits.relay import (
    BATCH,
    BEAT_SECONDS,
    COURTESY_SECONDS,
    LEASE_SECONDS,
    STEP_SECONDS,
    Relay,
)
from ordercast.emits.tables import RELAY
from ordercast.events import Events
from ordercast.journal.tables import EVENTS
from tests.harness.faults.races import right_after

MOVES = 300


class Worker:
    def __init__(self, app: Flask, channel: "Channel") -> None:
        service = app.extensions["ordercast"]
        self._channel = channel
        self.relay = Relay(
            service.broker,
            database=service.database,
            journal=service.journal,
            durable=Durable(["order:*"], Events()),
            wake=threading.Event(),
            clock=lambda: channel.seconds,
        )
        self.is_frozen = False
        self._unread: list[bytes] = []

    def subscribe(self) -> "Worker":
        self._channel.subscribe(self)
        return self

    def receive(self, message: bytes) -> None:
        if self.is_frozen:
            self._unread.append(message)
        else:
            self.relay.hearing.hear(message)

    def thaw(self) -> None:
        self.is_frozen = False
        while self._unread:
            self.receive(self._unread.pop(0))

    def step(self) -> None:
        """As its threads do: it publishes a mark when it has none, and steps until it is done."""
        hearing = self.relay.hearing
        if hearing.wants_mark:
            mark = uuid4().hex
            hearing.expect(mark)
            self._channel.publish(messages.mark(mark))
        while self.relay.step():
            continue

    def waiting(self) -> int:
        return len(self.relay.hearing.first(10_000))


class Channel:
    """The queue's channel, and the time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.published: list[int] = []
        self._workers: list[Worker] = []

    def subscribe(self, worker: Worker) -> None:
        self._workers.append(worker)

    def leave(self, worker: Worker) -> None:
        self._workers.remove(worker)

    def publish(self, message: bytes) -> None:
        for worker in self._workers:
            worker.receive(message)

    def emit(self, number: int, name: str = "order:status", **changes: Any) -> None:
        """As a stock script does."""
        data = {"method": "emit", "event": name, "data": [number], "room": "user:7", **changes}
        self.publish(json.dumps({"namespace": "/", "skip_sid": None, **data}).encode())
        if name == "order:status" and not changes:
            self.published.append(number)

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def start(app: Flask, channel: Channel) -> Callable[[], Worker]:
    """A builder of workers that listen."""

    def start() -> Worker:
        worker = Worker(app, channel).subscribe()
        worker.step()
        return worker

    return start


def journalled() -> list[int]:
    with db.engine.connect() as connection:
        rows = connection.scalars(select(EVENTS.c.data).order_by(EVENTS.c.id)).all()
        return [json.loads(row) for row in rows]


def test_one_worker_journals_and_the_other_forgets_what_is_journalled(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    leader, other = start(), start()
    for number in range(3):
        channel.emit(number)
    other.step()
    assert journalled() == []
    leader.step()
    assert journalled() == [0, 1, 2]
    assert other.waiting() == 3
    other.step()
    assert other.waiting() == 0


def test_only_what_is_durable_is_journalled(channel: Channel, start: Callable[[], Worker]) -> None:
    worker = start()
    channel.emit(1, "weather")
    channel.emit(2, skip_sid="abc")
    channel.emit(3, stays=True)
    channel.publish(b"garbage")
    channel.publish(b'{"method": "disconnect", "sid": "x"}')
    channel.emit(4)
    worker.step()
    assert journalled() == [4]


def test_another_worker_goes_on_after_the_last_that_was_journalled(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    leader, other = start(), start()
    # The same message again and again: what it says does not tell which of them it is.
    for _ in range(5):
        channel.emit(7)
    leader.step()
    for _ in range(4):
        channel.emit(7)
    channel.leave(leader)  # killed
    other.step()
    assert len(journalled()) == 5
    channel.wait(LEASE_SECONDS)
    other.step()
    assert journalled() == [7] * 9


def test_a_leader_that_was_frozen_writes_nothing_more_and_may_lead_again(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    frozen, other = start(), start()
    channel.wait(BEAT_SECONDS)
    frozen.step()
    channel.emit(1)
    frozen.is_frozen = True
    channel.emit(2)
    other.step()
    channel.wait(LEASE_SECONDS)
    other.step()
    assert journalled() == [1, 2]
    frozen.thaw()
    channel.emit(3)
    frozen.step()
    assert journalled() == [1, 2]
    assert frozen.waiting() == 1
    other.step()
    channel.emit(4)
    other.step()
    channel.emit(5)
    channel.leave(other)
    frozen.step()
    channel.wait(LEASE_SECONDS)
    frozen.step()
    assert journalled() == [1, 2, 3, 4, 5]


def test_a_worker_that_started_later_leaves_the_lead_to_one_that_has_heard_all(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    leader, other = start(), start()
    channel.emit(1)
    leader.step()
    channel.emit(2)
    channel.leave(leader)
    late = start()
    channel.emit(3)
    late.step()
    other.step()
    channel.wait(LEASE_SECONDS)
    late.step()
    assert journalled() == [1]
    other.step()
    assert journalled() == [1, 2, 3]
    late.step()
    assert late.waiting() == 0


def test_a_worker_alone_leads_although_it_started_after_the_last_one(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    leader = start()
    channel.emit(1)
    leader.step()
    channel.leave(leader)
    alone = start()
    channel.emit(2)
    alone.step()
    channel.wait(COURTESY_SECONDS)
    alone.step()
    assert journalled() == [1, 2]


def test_a_leader_that_was_cut_off_journals_what_it_has_and_leaves_the_lead(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    leader, other = start(), start()
    channel.emit(1)
    leader.relay.hearing.interrupt()
    channel.leave(leader)
    channel.emit(2)
    leader.step()
    assert journalled() == [1]
    other.step()
    assert journalled() == [1, 2]


def test_a_worker_that_is_stopped_leaves_the_lead_at_once(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    leader, other = start(), start()
    channel.emit(1)
    leader.relay.resign()
    channel.leave(leader)
    channel.emit(2)
    other.step()
    assert journalled() == [1, 2]


def test_what_a_worker_hears_while_it_stops_is_the_next_leaders(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    leader, other = start(), start()
    channel.emit(1)
    event.listen(db.engine, "begin", lambda _: channel.emit(2), once=True)
    leader.relay.resign()
    assert journalled() == [1]
    channel.leave(leader)
    other.step()
    assert journalled() == [1, 2]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_commit_that_was_not_answered_is_neither_lost_nor_repeated(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    worker = start()

    def lose(connection: Connection) -> None:
        connection.exec_driver_sql("COMMIT")
        driver: Any = connection.connection.driver_connection
        driver.close()

    channel.emit(1)
    event.listen(db.engine, "commit", lose)
    with pytest.raises(SQLAlchemyError):
        worker.step()
    event.remove(db.engine, "commit", lose)
    channel.emit(2)
    worker.step()
    assert journalled() == [1, 2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_emit_that_the_database_refuses_is_left_out_and_the_log_says_so(
    channel: Channel, start: Callable[[], Worker], caplog: pytest.LogCaptureFixture
) -> None:
    worker = start()
    with db.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON ordercast_events WHEN NEW.name = 'order:bad'"
            " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    channel.emit(1)
    channel.emit(2, "order:bad")
    channel.emit(3)
    for _ in range(3):  # with the others, after the first, and alone
        with pytest.raises(SQLAlchemyError):
            worker.step()
    worker.step()
    assert journalled() == [1, 3]
    assert "an emit from outside cannot be journalled" in caplog.text


def test_a_long_backlog_is_journalled_in_batches(
    channel: Channel, start: Callable[[], Worker]
) -> None:
    worker = start()
    for number in range(2 * BATCH + 1):
        channel.emit(number)
    worker.step()
    assert journalled() == channel.published


def test_what_waits_is_bounded_and_the_log_says_what_is_lost(
    channel: Channel,
    start: Callable[[], Worker],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(heard, "MAX_WAITING_BYTES", 3 * (heard.OVERHEAD_BYTES + 1))
    worker = start()
    for number in range(5):
        channel.emit(number)
    worker.step()
    assert journalled() == [2, 3, 4]
    assert caplog.text.count("an emit from outside is lost") == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_workers_nothing_is_lost_doubled_or_reordered(
    app: Flask, channel: Channel, start: Callable[[], Worker], seed: int
) -> None:
    """Kills, freezes and starts in random order, while another worker lives that has heard all
    since the last that was journalled. Workers step every half second."""
    chance = random.Random(seed)
    workers = [start(), start(), start()]

    def awake(*, but: Worker | None = None) -> list[Worker]:
        return [worker for worker in workers if worker is not but and not worker.is_frozen]

    def tick() -> None:
        channel.wait(STEP_SECONDS)
        for worker in chance.sample(awake(), len(awake())):
            worker.step()

    for _ in range(MOVES):
        worker = chance.choice(workers)
        with db.engine.connect() as connection:
            place = lead(connection).place
        is_spare = any(one.relay.hearing.covers(place) for one in awake(but=worker))
        match chance.randrange(8):
            case 0 | 1 | 2:
                channel.emit(chance.randrange(2))
            case 3 if not worker.is_frozen:
                worker.step()
            case 4:
                tick()
            case 5 if is_spare:
                channel.leave(worker)
                workers[workers.index(worker)] = start()
            case 6 if is_spare:
                worker.is_frozen = True
            case 7:
                worker.thaw()
    for worker in workers:
        worker.thaw()
    for _ in range(20):
        tick()
    assert journalled() == channel.published


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_worker_that_finds_no_row_meets_the_leader_that_adds_it_meanwhile(app: Flask) -> None:
    """The race, in a database of create_all(): another worker reads the empty table, adds the row
    and leads before this one adds it. On SQLite a transaction that writes is alone."""
    database = app.extensions["ordercast"].database
    with database.writing() as connection:
        connection.execute(delete(RELAY))

    def other_leads() -> None:
        with database.writing() as connection:
            write_lead(connection, lock_lead(connection)._replace(leader="other"))

    with (
        right_after(database.engine, "FROM ordercast_relay", other_leads),
        database.writing() as connection,
    ):
        assert lock_lead(connection).leader == "other"

"""Draining the inbox: exactly once by the sender's id, in order, by any number of workers."""

import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import redis
from flask import Flask
from sqlalchemy import select

from app.config import Settings
from app.db import db
from ordercast.broker import Broker
from ordercast.inbox.drain import PIECE_ENTRIES
from ordercast.journal.tables import EVENTS
from ordercast.metrics import INBOX_ACCEPTED
from tests.harness.application.mailbox import BATCH, Mailbox, at, drain_once, journalled
from tests.harness.processes.process import SECRET
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until


@pytest.fixture
def settings(database_url: str, own_redis: RedisServer) -> Settings:
    return Settings.of(DATABASE_URL=database_url, REDIS_URL=own_redis.url, JWT_SECRET_KEY=SECRET)


@pytest.fixture
def mailbox(own_redis: RedisServer, app: Flask) -> Iterator[Mailbox]:
    mailbox = Mailbox(own_redis.url)
    yield mailbox
    mailbox.redis.close()


class Worker(threading.Thread):
    """A second worker: one step in a thread, with a Redis connection of its own. With `pauses` it
    waits before its commit for its turn."""

    def __init__(self, app: Flask, *, pauses: bool = False, block_ms: int | None = None) -> None:
        super().__init__()
        self._app = app
        self._block_ms = block_ms
        self._pauses = pauses
        self.about_to_commit = threading.Event()
        self.turn = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        url = self._app.config["SETTINGS"].REDIS_URL
        try:
            broker = Broker(url)
            with self._app.app_context(), broker.connect(timeout=30) as client:
                drain_once(client, broker, block_ms=self._block_ms)
        except Exception as exc:  # noqa: BLE001 - shown by the test's own thread
            self.error = exc

    def pause(self, _session: Any) -> None:
        """For before_commit."""
        if threading.current_thread() is self and self._pauses:
            self.about_to_commit.set()
            assert self.turn.wait(60)

    def finish(self) -> None:
        self.turn.set()
        self.join(60)
        assert not self.is_alive()
        assert self.error is None


def test_an_entry_becomes_an_event_and_leaves_the_stream(app: Flask, mailbox: Mailbox) -> None:
    accepted = INBOX_ACCEPTED._value.get()
    mailbox.add("hello")
    assert drain_once(mailbox.redis, mailbox.broker) is True
    row = db.session.execute(select(EVENTS)).one()
    assert (row.room, row.name) == ("user:7", "notification")
    assert row.data == '{"title":"hello","message":"m","type":"info"}'
    assert mailbox.waiting() == 0
    assert INBOX_ACCEPTED._value.get() == accepted + 1
    assert drain_once(mailbox.redis, mailbox.broker) is False


def test_a_blocking_step_returns_when_nothing_comes(app: Flask, mailbox: Mailbox) -> None:
    assert drain_once(mailbox.redis, mailbox.broker, block_ms=1) is True
    assert journalled() == []


def test_a_blocking_step_takes_what_comes_meanwhile(app: Flask, mailbox: Mailbox) -> None:
    worker = Worker(app, block_ms=20_000)
    worker.start()
    wait_until(lambda: mailbox.redis.info("clients")["blocked_clients"], "the worker waits")
    mailbox.add("hello")
    worker.finish()
    assert journalled() == ["hello"]


def test_a_repeat_in_one_batch_is_harmless(app: Flask, mailbox: Mailbox) -> None:
    for title in ("first", "other"):
        mailbox.add(title, id="payment-991")
    mailbox.add("another", id="payment-992")
    mailbox.drain()
    assert journalled() == ["first", "another"]
    assert mailbox.waiting() == 0


def test_a_repeat_in_a_later_batch_is_harmless(app: Flask, mailbox: Mailbox) -> None:
    for _ in range(3):
        mailbox.add("once", id="payment-991")
        mailbox.drain()
    assert journalled() == ["once"]


def test_a_repeat_that_a_batch_divides_is_harmless(app: Flask, mailbox: Mailbox) -> None:
    for number in range(BATCH * 2 + 1):
        mailbox.add(f"{number % BATCH}", id=f"n-{number % BATCH}")
    mailbox.drain()
    assert journalled() == [str(number) for number in range(BATCH)]


def test_without_an_id_every_entry_counts(app: Flask, mailbox: Mailbox) -> None:
    for _ in range(3):
        mailbox.add("the same")
    mailbox.drain()
    assert journalled() == ["the same"] * 3


def test_entries_keep_their_order_over_many_batches(app: Flask, mailbox: Mailbox) -> None:
    titles = [str(number) for number in range(BATCH * 3 + 7)]
    for title in titles:
        mailbox.add(title, id=f"id-{title}" if int(title) % 3 else None)
    mailbox.drain()
    assert journalled() == titles


def test_two_workers_with_the_same_entries_journal_them_once_and_in_order(
    app: Flask, mailbox: Mailbox
) -> None:
    # The race: one worker has journalled the entries and not committed yet, another one reads
    # them too, and newer ones of the same sender behind them.
    for title in ("1", "2"):
        mailbox.add(title)
    mailbox.add("poison", event="no such event")
    slow, quick = Worker(app, pauses=True), Worker(app)
    with at("before_commit", slow.pause):
        slow.start()
        assert slow.about_to_commit.wait(60)
        mailbox.add("3")
        mailbox.add("4", id="four")
        quick.start()
        wait_until(lambda: mailbox.reads() == 2, "the second worker has read them too")
        slow.finish()
        quick.finish()
    assert journalled() == ["1", "2", "3", "4"]
    assert mailbox.waiting() == 0
    assert len(mailbox.refused()) == 1


def test_many_workers_share_a_long_stream(app: Flask, mailbox: Mailbox) -> None:
    titles = [str(number) for number in range(BATCH * 4)]
    for title in titles:
        mailbox.add(title, id=title)
        mailbox.add(f"again {title}", id=title)
    barrier = threading.Barrier(4)

    def work() -> None:
        broker = Broker.of(app.config["SETTINGS"])
        with app.app_context(), broker.connect() as client:
            barrier.wait(30)
            while drain_once(client, broker):
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert journalled() == titles
    assert mailbox.waiting() == 0


def test_an_entry_that_was_deleted_by_hand_is_gone(app: Flask, mailbox: Mailbox) -> None:
    entry = mailbox.add("gone")
    mailbox.add("here")
    mailbox.redis.xdel(mailbox.broker.inbox, entry)
    mailbox.drain()
    assert journalled() == ["here"]


def test_an_entry_that_is_deleted_while_it_is_journalled_harms_nothing(
    app: Flask, mailbox: Mailbox
) -> None:
    # The race: somebody's XDEL or FLUSHALL between the read and the commit.
    mailbox.add("taken")
    with at("before_commit", lambda _session: mailbox.redis.flushall()):
        mailbox.drain()
    assert journalled() == ["taken"]
    assert mailbox.waiting() == 0


@pytest.mark.parametrize("blocked", [False, True], ids=["between two steps", "during a step"])
def test_it_goes_on_after_flushall(app: Flask, mailbox: Mailbox, blocked: bool) -> None:
    mailbox.add("before")
    mailbox.drain()
    worker = Worker(app, block_ms=20_000)
    if blocked:
        worker.start()
        wait_until(lambda: mailbox.redis.info("clients")["blocked_clients"], "the worker waits")
    mailbox.redis.flushall()
    mailbox.add("after")
    if blocked:
        worker.finish()
    mailbox.drain()
    assert journalled() == ["before", "after"]


def test_a_batch_is_read_in_pieces_and_journalled_in_one_transaction(
    app: Flask, mailbox: Mailbox
) -> None:
    titles = [str(number) for number in range(2 * PIECE_ENTRIES + 1)]
    for title in titles:
        mailbox.add(title)
    commits: list[object] = []
    with at("before_commit", commits.append):
        assert drain_once(mailbox.redis, mailbox.broker, batch=len(titles)) is True
    assert journalled() == titles
    assert mailbox.waiting() == 0
    assert len(commits) == 1


def test_a_batch_ends_with_the_piece_that_has_its_bytes(app: Flask, mailbox: Mailbox) -> None:
    large = orjson.dumps({"title": "x", "message": "m" * 60_000, "type": "info"})
    for _ in range(PIECE_ENTRIES):
        mailbox.add("large", data=large)
    mailbox.add("next")
    drain_once(mailbox.redis, mailbox.broker, batch=1000)
    assert mailbox.waiting() == 1
    mailbox.drain()
    assert journalled() == ["x"] * PIECE_ENTRIES + ["next"]


def test_entries_that_another_worker_finishes_between_two_pieces_keep_their_order(
    app: Flask, mailbox: Mailbox
) -> None:
    # The race: a worker has read the first piece; another one journals that and the next piece,
    # deletes both, and a sender adds more, before the first worker reads on.
    titles = [str(number) for number in range(3 * PIECE_ENTRIES)]
    for title in titles[: 2 * PIECE_ENTRIES]:
        mailbox.add(title)

    class Overtaken(redis.Redis):
        pieces = 0

        def xread(self, *arguments: Any, **options: Any) -> Any:
            Overtaken.pieces += 1
            if Overtaken.pieces == 2:
                mailbox.drain()
                for title in titles[2 * PIECE_ENTRIES :]:
                    mailbox.add(title)
            return super().xread(*arguments, **options)

    with Overtaken.from_url(mailbox.broker.url) as client:
        drain_once(client, mailbox.broker, batch=1000)
    assert Overtaken.pieces > 2
    assert journalled() == titles
    assert mailbox.waiting() == 0


def test_the_sequencer_of_the_process_is_woken_when_a_batch_can_be_seen(
    app: Flask, mailbox: Mailbox
) -> None:
    seen: list[list[str]] = []
    mailbox.add("hello")

    def look() -> None:
        assert mailbox.waiting() == 1  # and the entry leaves the stream after that
        seen.append(journalled())

    drain_once(mailbox.redis, mailbox.broker, journalled=look)
    assert seen == [["hello"]]
    assert mailbox.waiting() == 0

"""emit(): a durable event of its own. While the database takes none, it waits in the inbox."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event, select

from app import create_app
from app.config import Settings
from app.db import db, transaction
from app.events import OrderStatus, Status
from app.extension import cast
from ordercast import InboxUnavailable, InvalidEvent, Refused
from ordercast.journal.tables import EVENTS
from tests.harness.application.journal import sequence
from tests.harness.application.mailbox import Mailbox, journalled
from tests.harness.processes.process import SECRET
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer

THREADS, EACH = 4, 10


@pytest.fixture
def settings(database_url: str, own_redis: RedisServer) -> Settings:
    return Settings.of(
        DATABASE_URL=database_url,
        REDIS_URL=own_redis.url,
        JWT_SECRET_KEY=SECRET,
        DATABASE_POOL=1,  # and two more for peaks
    )


@pytest.fixture
def mailbox(own_redis: RedisServer, app: Flask) -> Iterator[Mailbox]:
    mailbox = Mailbox(own_redis.url)
    yield mailbox
    mailbox.redis.close()


@pytest.fixture
def emitting(app: Flask) -> Iterator[Any]:
    """The engine over which emits are written."""
    engine = app.extensions["ordercast"]._emitter._database.engine
    yield engine
    engine.dispose()


def note(title: str) -> dict[str, str]:
    return {"title": title, "message": "m", "type": "info"}


def emit(title: str, **options: Any) -> None:
    cast.emit("notification", note(title), **{"to": "user:7", **options})


def test_it_is_committed_when_the_call_returns_and_gets_its_position(app: Flask) -> None:
    emit("one")
    emit("two", to=7)
    emit("several", to=["user:7", "user:8"])
    moved = OrderStatus(id="3", order_number="OC-3", status=Status.SHIPPED)
    cast.emit(moved, to="user:8")
    _, entries = sequence()
    assert [(entry.rooms, entry.name) for entry in entries] == [
        (("user:7",), "notification"),
        (("user:7",), "notification"),
        (("user:7", "user:8"), "notification"),
        (("user:8",), "order:status"),
    ]
    assert entries[3].data == '{"id":"3","orderNumber":"OC-3","status":"shipped"}'


def test_the_callers_transaction_neither_takes_it_back_nor_waits(
    app: Flask, mailbox: Mailbox
) -> None:
    db.session.execute(select(EVENTS)).all()
    emit("kept")
    db.session.rollback()
    assert journalled() == ["kept"]
    assert mailbox.waiting() == 0


def test_it_needs_no_connection_of_the_requests(app: Flask, mailbox: Mailbox) -> None:
    held = [db.engine.connect() for _ in range(3)]
    emit("one")
    for connection in held:
        connection.close()
    assert journalled() == ["one"]
    assert mailbox.waiting() == 0


def test_with_an_id_one_is_accepted_whichever_way_it_comes(app: Flask, mailbox: Mailbox) -> None:
    emit("first", id="payment-1")
    emit("again", id="payment-1")
    mailbox.add("by the inbox", id="payment-1")
    mailbox.add("inbox first", id="payment-2")
    mailbox.drain()
    emit("again", id="payment-2")
    assert journalled() == ["first", "inbox first"]


def test_it_works_in_threads_without_a_context_and_keeps_the_order_of_each(
    app: Flask, mailbox: Mailbox
) -> None:
    def run(name: int) -> None:
        for number in range(EACH):
            emit(f"{name} {number}")

    threads = [threading.Thread(target=run, args=[name]) for name in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mailbox.drain()  # on SQLite a thread may have waited too long for the others
    titles = journalled()
    assert len(titles) == THREADS * EACH
    for name in range(THREADS):
        mine = [title for title in titles if title.startswith(f"{name} ")]
        assert mine == [f"{name} {number}" for number in range(EACH)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_inside_an_open_write_on_sqlite_it_waits_in_the_inbox_and_nothing_overtakes_it(
    app: Flask, mailbox: Mailbox
) -> None:
    with transaction() as session:
        cast.append(session, "notification", note("in the transaction"), to="user:7")
        emit("one")
        emit("two")
    emit("three")
    assert journalled() == ["in the transaction"]
    mailbox.drain()
    emit("four")
    assert journalled() == ["in the transaction", "one", "two", "three", "four"]
    assert mailbox.waiting() == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_redis_a_writer_on_sqlite_waits_for_another_process(
    app: Flask, own_redis: RedisServer
) -> None:
    own_redis.kill()
    other = db.engine.connect()
    other.exec_driver_sql("ROLLBACK")
    other.exec_driver_sql("BEGIN IMMEDIATE")
    timer = threading.Timer(1.0, other.rollback)
    timer.start()
    emit("patient")
    timer.join()
    other.close()
    assert journalled() == ["patient"]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_commit_that_took_place_and_was_not_answered_is_one_event(
    app: Flask, mailbox: Mailbox, emitting: Any
) -> None:
    # The server commits, and the connection is lost before the answer: nobody knows.
    def lose(connection: Connection) -> None:
        connection.exec_driver_sql("COMMIT")
        driver: Any = connection.connection.driver_connection
        driver.close()

    event.listen(emitting, "commit", lose)
    emit("one")
    event.remove(emitting, "commit", lose)
    assert mailbox.waiting() == 1
    emit("two")
    mailbox.drain()
    assert journalled() == ["one", "two"]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_commit_that_did_not_take_place_is_made_good_by_the_inbox(
    app: Flask, mailbox: Mailbox, emitting: Any
) -> None:
    def lose(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.close()

    event.listen(emitting, "commit", lose)
    emit("one")
    emit("by id", id="payment-3")
    event.remove(emitting, "commit", lose)
    mailbox.drain()
    emit("two")
    assert journalled() == ["one", "by id", "two"]


def test_what_cannot_be_sent_is_refused_at_once(app: Flask, mailbox: Mailbox) -> None:
    attempts: list[tuple[type[Exception], Callable[[], None]]] = [
        (InvalidEvent, lambda: cast.emit("notification", {"title": "no more"}, to="user:7")),
        (Refused, lambda: cast.emit("weather", {}, to="user:7")),
        (Refused, lambda: emit("x", to="seller:7")),
        (Refused, lambda: emit("x", to="control")),
        (Refused, lambda: emit("x", id="")),
    ]
    for error, attempt in attempts:
        with pytest.raises(error):
            attempt()
    assert journalled() == []
    assert mailbox.waiting() == 0


def test_without_database_it_waits_in_the_inbox_and_without_both_the_caller_is_told(
    own_postgres: tuple[Postgres, str], own_redis: RedisServer
) -> None:
    server, url = own_postgres
    settings = Settings.of(DATABASE_URL=url, REDIS_URL=own_redis.url, JWT_SECRET_KEY=SECRET)
    app = create_app(settings)
    mailbox = Mailbox(own_redis.url)
    with app.app_context():
        emit("before")
        server.kill()
        emit("one")
        emit("two")
        assert mailbox.waiting() == 2
        server.start()
        emit("three")
        mailbox.drain()
        emit("after")
        assert journalled() == ["before", "one", "two", "three", "after"]
        db.session.remove()
        server.kill()
        own_redis.kill()
        with pytest.raises(InboxUnavailable, match="not sent: the database is unavailable"):
            emit("nobody has it")
        server.start()
        db.engine.dispose()
    mailbox.redis.close()

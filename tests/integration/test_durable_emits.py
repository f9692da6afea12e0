"""ORDERCAST_DURABLE: emits become events of the journal, without a changed line."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import flask_socketio
import pytest
import redis
from flask import Flask
from sqlalchemy import select

from app.config import Settings
from app.db import db, transaction
from app.extension import cast
from ordercast.journal.tables import EVENTS
from tests.harness.application.mailbox import Mailbox
from tests.harness.application.tabs import ALICE, BOB, Start, Tab, WebProcess, append, published
from tests.harness.processes.process import SECRET
from tests.harness.servers.redis import RedisServer

NOTE = {"title": "Hello", "message": "You", "type": "info"}
STATUS = {"id": "3", "orderNumber": "OC-3", "status": "shipped"}
EMITTERS = 200
STAYED = "an emit is not durable, and sent as it was"


@pytest.fixture
def settings(database_url: str, own_redis: RedisServer) -> Settings:
    return Settings.of(DATABASE_URL=database_url, REDIS_URL=own_redis.url, JWT_SECRET_KEY=SECRET)


@pytest.fixture
def process(start: Start) -> WebProcess:
    return start(DURABLE=("order:*", "notification"))


@pytest.fixture
def queue(own_redis: RedisServer) -> Iterator[Any]:
    """What the other processes hear -> their messages so far."""
    mailbox = Mailbox(own_redis.url)
    pubsub = mailbox.redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    pubsub.subscribe("flask-socketio")
    pubsub.get_message(timeout=5)

    def heard() -> list[Any]:
        messages = iter(lambda: pubsub.get_message(timeout=0.3), None)
        return [json.loads(message["data"]) for message in messages]

    yield heard
    pubsub.close()
    mailbox.redis.close()


def rows(app: Flask) -> list[tuple[str, str, Any]]:
    with app.app_context(), db.engine.connect() as connection:
        found = connection.execute(select(EVENTS).order_by(EVENTS.c.id)).all()
        return [(row.room, row.name, json.loads(row.data)) for row in found]


def test_an_emit_in_process_is_an_event_of_its_own_and_others_hear_of_it_by_the_journal(
    process: WebProcess, queue: Any
) -> None:
    alice, bob = Tab(ALICE).connect(process), Tab(BOB).connect(process)
    process.live.socketio.emit("notification", NOTE, to="user:1")
    process.live.socketio.emit("order:status", {**STATUS, "more": 1}, room="user:1")
    assert rows(process.app) == [
        ("user:1", "notification", NOTE),
        ("user:1", "order:status", STATUS),
    ]
    assert queue() == []
    alice.read()
    assert alice.got == []
    process.hear(*published_by(process))
    alice.read()
    bob.read()
    assert alice.got == [("notification", [NOTE, "1"]), ("order:status", [STATUS, "2"])]
    assert bob.got == []


def published_by(process: WebProcess) -> list[bytes]:
    with process.app.app_context():
        return published()


def test_a_broadcast_reaches_everybody_and_is_recovered(process: WebProcess) -> None:
    alice, bob = Tab(ALICE).connect(process), Tab(BOB).connect(process)
    process.live.socketio.emit("notification", NOTE)
    process.hear(*published_by(process))
    bob.read()
    assert bob.got == [("notification", [NOTE, "1"])]
    alice.cut()
    process.live.socketio.emit("notification", {**NOTE, "title": "missed"})
    process.hear(*published_by(process))
    assert alice.connect(process).recovered
    assert [arguments[0]["title"] for _, arguments in alice.got] == ["Hello", "missed"]
    process.follower.ring.start((), following=3)  # the journal is read
    assert bob.cut().connect(process).recovered
    assert [arguments[0]["title"] for _, arguments in bob.got] == ["missed"]


def test_a_handlers_emit_to_a_room_or_to_all_is_durable_and_to_its_own_client_is_not(
    process: WebProcess, caplog: pytest.LogCaptureFixture
) -> None:
    def speak(_data: Any = None) -> None:
        flask_socketio.emit("notification", {**NOTE, "title": "room"}, to="user:2")
        flask_socketio.emit("notification", {**NOTE, "title": "all"}, broadcast=True)
        flask_socketio.emit("notification", {**NOTE, "title": "you"})
        flask_socketio.emit(
            "notification", {**NOTE, "title": "others"}, broadcast=True, include_self=False
        )

    process.server.async_handlers = False
    process.live.socketio.on_event("speak", speak)
    alice = Tab(ALICE).connect(process)
    assert alice.engine is not None
    for _ in range(2):
        process.server._handle_eio_message(eio_sid(process), '2["speak"]')
    alice.read()
    assert [arguments[0]["title"] for _, arguments in alice.got] == ["you", "you"]
    kept = [(room, data["title"]) for room, _, data in rows(process.app)]
    assert kept == [("user:2", "room"), ("*", "all")] * 2
    said = [record.__dict__["reason"] for record in caplog.records if record.message == STAYED]
    assert said == [
        "it goes to one client, by its sid",
        "it leaves clients out: skip_sid, or include_self=False",
    ]


def eio_sid(process: WebProcess) -> str:
    [sid] = process.sids
    found: str = process.server.manager.eio_sid_from_sid(sid, "/")
    return found


def test_what_stays_says_so_to_the_other_processes(process: WebProcess, queue: Any) -> None:
    emit = process.live.socketio.emit
    emit("notification", NOTE, to="user:1", skip_sid="abc")
    emit("notification", (NOTE, 2), to="user:1")
    emit("other", NOTE, to="user:1")
    emit("notification", NOTE, to="user:1", ignore_queue=True)
    assert [(one["event"], one.get("stays")) for one in queue()] == [
        ("notification", True),
        ("notification", True),
        ("other", None),
    ]
    assert rows(process.app) == []


def test_an_emit_from_outside_is_left_to_the_worker_and_what_stays_is_sent(
    process: WebProcess,
) -> None:
    alice = Tab(ALICE).connect(process)
    process.emit("notification", NOTE, room="user:1")
    process.emit("notification", {"title": "fits no declaration"}, room="user:1")
    process.emit("other", NOTE, room="user:1")
    process.emit("notification", NOTE, "two arguments", room="user:1")
    stays = {"method": "emit", "event": "notification", "data": [NOTE], "stays": True}
    process.live.manager.receive(json.dumps({**stays, "room": "user:1"}).encode())
    alice.read()
    assert [(name, arguments[0]) for name, arguments in alice.got] == [
        ("notification", {"title": "fits no declaration"}),
        ("other", NOTE),
        ("notification", NOTE),
        ("notification", NOTE),
    ]


def test_without_the_setting_all_is_as_it_was(start: Start, queue: Any) -> None:
    process = start()
    alice = Tab(ALICE).connect(process)
    process.live.socketio.emit("notification", NOTE, to="user:1")
    process.emit("notification", NOTE, room="user:1")
    alice.read()
    assert alice.got == [("notification", [NOTE])] * 2
    assert [("stays" in message) for message in queue()] == [False]
    assert rows(process.app) == []


def test_in_an_applications_own_tests_nothing_is_durable(process: WebProcess) -> None:
    process.app.testing = True
    alice = Tab(ALICE).connect(process)
    process.live.socketio.emit("notification", NOTE, to="user:1")
    alice.read()
    assert alice.got == [("notification", [NOTE])]
    assert rows(process.app) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_with_a_write_open_on_sqlite_emits_through_the_inbox(
    process: WebProcess, own_redis: RedisServer
) -> None:
    emit = process.live.socketio.emit
    mailbox = Mailbox(own_redis.url)
    with process.app.app_context(), transaction():
        emit("notification", {**NOTE, "title": "one"}, to="user:1")
        emit("notification", {**NOTE, "title": "two"})
        emit("notification", {**NOTE, "title": "both"}, to=["user:1", "user:2"])
    emit("notification", {**NOTE, "title": "three"}, to="user:1")
    assert rows(process.app) == []
    with process.app.app_context():
        mailbox.drain()
    emit("notification", {**NOTE, "title": "four"}, to="user:1")
    kept = [(room, data["title"]) for room, _, data in rows(process.app)]
    assert kept == [
        ("user:1", "one"),
        ("*", "two"),
        ("user:1", "both"),
        ("user:1", "three"),
        ("user:1", "four"),
    ]
    bob = Tab(BOB).connect(process)
    process.hear(*published_by(process))
    bob.read()
    assert [arguments[0]["title"] for _, arguments in bob.got] == ["two", "both"]
    mailbox.redis.close()


def test_clients_without_recovery_find_broadcasts_among_what_they_missed(
    process: WebProcess,
) -> None:
    process.live.socketio.emit("notification", NOTE)
    published_by(process)
    with process.app.app_context():
        [piece] = cast.missed(["user:1"], after=0).pieces()
    assert [(entry.room, json.loads(entry.data)) for entry in piece] == [("*", NOTE)]


def test_an_event_whose_room_is_the_sid_of_a_client_reaches_it(process: WebProcess) -> None:
    # An emit to a client of another process is that, where no declaration says which rooms are.
    alice, bob = Tab(ALICE).connect(process), Tab(BOB).connect(process)
    assert alice.sid is not None
    with process.app.app_context():
        append(alice.sid)
    process.hear(*published_by(process))
    alice.read()
    bob.read()
    assert (len(alice.got), bob.got) == (1, [])


def test_many_emits_at_the_same_moment_wait_for_each_other(process: WebProcess, queue: Any) -> None:
    # Redis' client opens 100 connections, and refuses the next.
    together = threading.Barrier(EMITTERS)
    failed: list[Exception] = []

    def emit() -> None:
        together.wait()
        try:
            process.live.socketio.emit("weather", {"sun": True}, to="user:1")
        except redis.RedisError as exc:
            failed.append(exc)

    threads = [threading.Thread(target=emit) for _ in range(EMITTERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(queue()) == EMITTERS

"""An event of several rooms: one row, one position, and each client gets it once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import select, text

from app.accounts.tokens import Identity
from app.db import db, now, transaction
from app.extension import cast
from ordercast import Refused
from ordercast.events import MAX_ROOMS
from ordercast.journal.tables import EVENTS, FURTHER_ROOMS, SET_ASIDE
from tests.harness.application import journal
from tests.harness.application.journal import sequence_once
from tests.harness.application.market import Market, good
from tests.harness.application.tabs import (
    ALICE,
    BOB,
    CHARLIE,
    Start,
    Tab,
    WebProcess,
    append,
    published,
)

HELLO = {"title": "Hello", "message": "m", "type": "info"}
RAW = {
    "postgresql": "INSERT INTO ordercast_events (room, name, data, further_rooms)"
    " VALUES ('user:1', 'test', '{}', CAST(:rooms AS text[]))",
    "sqlite": "INSERT INTO ordercast_events (room, name, data, further_rooms)"
    " VALUES ('user:1', 'test', '{}', :rooms)",
}


def append_to(room: str, *further: str, name: str = "test") -> None:
    with transaction() as session:
        journal.here().append(session, room, name, {"number": 0}, further=further)


def bobs(rooms: tuple[str, ...], after: int) -> list[int]:
    missed = cast.missed(rooms, after=after)
    assert missed.complete
    return [entry.position for piece in missed.pieces() for entry in piece]


@pytest.fixture
def mixed(process: WebProcess) -> list[bytes]:
    """What the worker publishes of five events: the second and the fourth are of several rooms."""
    append("user:2")
    append_to("user:1", "user:2", "seller:2")
    append("user:3")
    append_to("seller:2", "user:2")
    append("seller:2")
    return published()


def test_live_each_client_gets_it_once_and_in_order(process: WebProcess) -> None:
    alice, bob, charlie = (Tab(who).connect(process) for who in (ALICE, BOB, CHARLIE))
    append_to("user:1", "user:2", "seller:2")
    append("user:2")
    append_to("seller:2", "user:2")
    process.hear(*published())
    for tab, offsets in ((alice, [1]), (bob, [1, 2, 3]), (charlie, [])):
        tab.read()
        assert tab.offsets == offsets


@pytest.mark.parametrize("ring", [10_000, 1])
def test_those_who_come_back_get_it_once_from_memory_and_from_the_journal(
    start: Start, ring: int
) -> None:
    first = start()
    alice, bob = (Tab(who).connect(first).cut() for who in (ALICE, BOB))
    append("user:2")
    append_to("user:1", "user:2", "seller:2")
    append_to("seller:2", "user:2")
    published()
    other = start(ring=ring)
    for tab, offsets in ((alice, [2]), (bob, [1, 2, 3])):
        assert tab.connect(other).recovered
        assert tab.offsets == offsets


def test_a_process_that_missed_the_message_reads_it_from_the_journal(process: WebProcess) -> None:
    alice, bob = (Tab(who).connect(process) for who in (ALICE, BOB))
    append_to("user:1", "seller:2", "user:2")
    published()
    process.catch_up()
    for tab in (alice, bob):
        tab.read()
        assert tab.offsets == [1]


def test_a_worker_of_the_release_before_leaves_no_room_out(process: WebProcess) -> None:
    """It publishes the first room alone. The database itself keeps the positions of the others."""
    bob = Tab(BOB).connect(process)
    append_to("user:1", "user:2")
    [message] = [orjson.loads(message) for message in published()]
    del message["further"]
    process.hear(orjson.dumps(message))
    assert process.follower.step() == "gap"
    bob.read()
    assert bob.offsets == [1]


def test_a_web_process_of_the_release_before_can_read_the_message(mixed: list[bytes]) -> None:
    [message] = map(orjson.loads, mixed)
    assert message["examined"]
    assert [len(event) for event in message["events"]] == [4] * 5
    assert message["further"] == [[2, ["user:2", "seller:2"]], [4, ["user:2"]]]


def test_what_rooms_missed_has_it_once(mixed: list[bytes]) -> None:
    assert bobs(("user:2", "seller:2"), after=0) == [1, 2, 4, 5]
    assert bobs(("seller:2",), after=2) == [4, 5]
    assert bobs(("user:1",), after=0) == [2]
    assert bobs(("user:3", "user:9"), after=0) == [3]
    limited = journal.since(0, limit=2, rooms=["user:2", "seller:2"])
    assert [(entry.position, entry.rooms) for entry in limited] == [
        (1, ("user:2",)),
        (2, ("user:1", "user:2", "seller:2")),
    ]


def test_over_http_the_caller_gets_it_once(app: Flask, make_user: Callable[..., Identity]) -> None:
    market = Market(app, make_user)
    rooms = [f"user:{market.bob.id}", f"seller:{market.bob.id}"]
    with app.app_context():
        append_to("user:elsewhere", *rooms)
        append_to(*rooms)
    market.sequence()
    answer = good(market.bob.get("/api/events", after=0))
    assert [event["offset"] for event in answer["events"]] == ["1", "2"]


def test_append_takes_a_list_of_rooms_and_writes_one_row(app: Flask) -> None:
    for to in (["user:7", 8, "7"], ("7", "user:8")):
        with transaction() as session:
            cast.append(session, "notification", HELLO, to=to)
    rows = db.session.execute(select(EVENTS.c.room, EVENTS.c.further_rooms)).all()
    assert [tuple(row) for row in rows] == [("user:7", ["user:8"])] * 2
    with transaction() as session:
        cast.append(session, "notification", HELLO, to=["7"])
    assert db.session.scalars(select(EVENTS.c.further_rooms)).all()[-1] is None


@pytest.mark.parametrize(
    "to",
    [
        [],
        ["user:7", "control"],
        ["user:7", ""],
        [["user:7"]],
        range(3),
        [str(n) for n in range(MAX_ROOMS + 1)],
    ],
)
def test_a_list_that_is_none_of_rooms_is_refused(app: Flask, to: Any) -> None:
    with transaction() as session, pytest.raises(Refused):
        cast.append(session, "notification", HELLO, to=to)
    assert db.session.execute(select(EVENTS)).all() == []


def test_a_savepoint_that_is_rolled_back_leaves_no_room(app: Flask) -> None:
    with transaction() as session:
        lost = session.begin_nested()
        journal.here().append(session, "user:1", "test", {}, further=["user:2"])
        lost.rollback()
    assert published() == []
    assert db.session.execute(select(FURTHER_ROOMS)).all() == []


def test_what_is_pruned_is_gone_from_every_room(mixed: list[bytes]) -> None:
    assert journal.prune(now() + timedelta(days=1), limit=2) == 2
    kept = db.session.execute(select(FURTHER_ROOMS)).all()
    assert [tuple(row) for row in kept] == [("user:2", 4)]


ROOM = "user:2"
FAULTY: dict[str, dict[str, str]] = {
    "no list": {"sqlite": "{", "postgresql": "{NULL}"},
    "of no texts": {"sqlite": "[1]", "postgresql": "{{user:2},{user:3}}"},
    "an empty room": {"sqlite": '["user:2", ""]', "postgresql": '{user:2,""}'},
    "a long room": {"sqlite": f'["{"x" * 256}"]', "postgresql": f"{{{'x' * 3000}}}"},
    "control": {"sqlite": '["control"]', "postgresql": "{control}"},
    "an object": {"sqlite": '{"room": "user:2"}', "postgresql": "{user:2,NULL}"},
}


@pytest.mark.parametrize("rooms", FAULTY.values(), ids=FAULTY.keys())
def test_rooms_that_are_none_are_set_aside_and_harm_no_other(
    start: Start, rooms: dict[str, str]
) -> None:
    process = start()
    live, away = Tab(BOB).connect(process), Tab(BOB).connect(process).cut()
    append(ROOM)
    dialect = db.engine.dialect.name
    with db.engine.begin() as connection:
        connection.execute(text(RAW[dialect]), {"rooms": rooms[dialect]})
    append_to("user:1", ROOM)
    process.hear(*published())
    live.read()
    assert live.offsets == [1, 3]
    assert away.connect(start(ring=1)).recovered
    assert away.offsets == [1, 3]
    assert db.session.scalars(select(SET_ASIDE.c.position)).all() == [2]


def test_any_program_may_write_the_rooms(process: WebProcess) -> None:
    rooms = {"sqlite": '["user:2", "user:1", "user:2"]', "postgresql": "{user:2,user:1,user:2}"}
    dialect = db.engine.dialect.name
    with db.engine.begin() as connection:
        connection.execute(text(RAW[dialect]), {"rooms": rooms[dialect]})
    bob = Tab(BOB).connect(process)
    sequence_once(process.follower.receive)
    bob.read()
    assert bob.offsets == [1]
    [entry] = journal.since(0, limit=9)
    assert entry.rooms == ("user:1", "user:2")

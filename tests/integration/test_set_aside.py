"""One row that is no event harms no other: not live, not in a replay, not over HTTP."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.accounts.tokens import Identity
from app.db import db, now, transaction
from app.extension import cast
from ordercast import Doubtful
from ordercast.doctor.journal import examinations as journal_examinations
from ordercast.journal.entries import fault
from ordercast.journal.tables import SET_ASIDE
from ordercast.metrics import EVENTS_SET_ASIDE
from tests.harness.application import journal
from tests.harness.application.market import Market, good
from tests.harness.application.tabs import ALICE, Start, Tab, append, published
from tests.harness.faults.strangers import insert, insert_bytes, lift_checks

ROOM = "user:1"
DEEP = "[" * 2000 + "]" * 2000
FAULTY = {
    "no JSON": (ROOM, "test", "{"),
    "nothing": (ROOM, "test", ""),
    "two values": (ROOM, "test", "1 2"),
    "NaN": (ROOM, "test", '{"number": NaN}'),
    "a number without end": (ROOM, "test", '{"number": 1e999}'),
    "half an emoji": (ROOM, "test", '{"title": "\\ud83d"}'),
    "no JSON, and a piece of its own": (ROOM, "test", "[" + "1," * 100_000),
    "too deep": (ROOM, "test", DEEP),
    "a control character": (ROOM, "test", '{"title": "a\x1eb"}'),
    "a name that ends a connection": (ROOM, "disconnect", "{}"),
    "another such name": (ROOM, "connect_error", "{}"),
    "no name": (ROOM, "", "{}"),
    "no room": ("", "test", "{}"),
    "an unknown order": ("control", "explode", "{}"),
    "an order without its data": ("control", "revoked", "{}"),
    "an order that is no object": ("control", "disconnect", "7"),
    "an order of no kind": (
        "control",
        "revoked",
        '{"kind": "?", "value": "1", "at": "2026-01-02T03:04:05Z"}',
    ),
    "an order of no time": (
        "control",
        "revoked",
        '{"kind": "user", "value": "1", "at": "2026-01-02T03:04:05"}',
    ),
}
ODD = {  # and nothing is wrong with it
    "an escaped NUL": (ROOM, "odd", r'{"title": "a\u0000b"}'),
    "a list": (ROOM, "odd", " [1, \n2] "),
    "a text": (ROOM, "odd", '"7"'),
    "null": (ROOM, "odd", "null"),
    "a name of two lines": (ROOM, 'odd\n"', "{}"),
    "a large number": (ROOM, "odd", '{"number": 99999999999999999999999}'),
}


@pytest.fixture
def faulty(app: Flask) -> None:
    lift_checks()


@pytest.mark.parametrize("row", FAULTY.values(), ids=FAULTY.keys())
def test_the_rest_arrives_live_and_after_coming_back(
    faulty: None, start: Start, row: tuple[str, str, str], caplog: pytest.LogCaptureFixture
) -> None:
    process = start()
    live = Tab(ALICE).connect(process)
    offline = Tab(ALICE).connect(process).cut()
    append(ROOM)
    insert(*row)
    append(ROOM)
    counted = EVENTS_SET_ASIDE._value.get()

    messages = published()
    process.hear(*messages)

    live.read()
    assert live.offsets == [1, 3]
    assert offline.connect(process).recovered
    assert offline.offsets == [1, 3]
    assert EVENTS_SET_ASIDE._value.get() == counted + 2  # the worker's, and the web process's
    for said in ("event set aside", "event passed over"):
        lines = [line for line in caplog.records if line.message == said]
        assert [vars(line)["position"] for line in lines] == [2]
    kept = db.session.execute(select(SET_ASIDE)).one()
    assert (kept.position, bool(kept.reason), kept.reason.isascii()) == (2, True, True)


@pytest.mark.parametrize("row", FAULTY.values(), ids=FAULTY.keys())
def test_the_rest_arrives_from_the_journal(
    faulty: None, start: Start, row: tuple[str, str, str]
) -> None:
    """What Redis lost, and what a process that starts later finds."""
    process = start()
    live, offline = Tab(ALICE).connect(process), Tab(ALICE).connect(process).cut()
    append(ROOM)
    insert(*row)
    append(ROOM)
    published()
    process.catch_up()
    live.read()
    assert live.offsets == [1, 3]
    assert offline.connect(start(ring=1)).recovered
    assert offline.offsets == [1, 3]


@pytest.mark.parametrize("row", ODD.values(), ids=ODD.keys())
def test_what_is_only_odd_arrives_as_it_was_written(
    start: Start, row: tuple[str, str, str]
) -> None:
    process = start()
    live, offline = Tab(ALICE).connect(process), Tab(ALICE).connect(process).cut()
    insert(*row)
    process.hear(*published())
    live.read()
    offline.connect(process)
    for tab in (live, offline):
        [(name, (payload, offset))] = tab.got
        assert (name, payload) == (row[1], json.loads(row[2]))
        assert offset == "1"


BYTES = {
    "data that is no UTF-8": (b"user:1", b"test", b'{"title": "\xff"}'),
    "a name that is no UTF-8": (b"user:1", b"te\xffst", b"{}"),
    "a room that is no UTF-8": (b"user:1\xff", b"test", b"{}"),
    "NUL in the data": (b"user:1", b"test", b'{"title": "\0"}'),
}


@pytest.mark.parametrize("row", BYTES.values(), ids=BYTES.keys())
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bytes_that_are_no_text_harm_no_other_row(
    faulty: None, start: Start, row: tuple[bytes, bytes, bytes]
) -> None:
    process = start()
    live, offline = Tab(ALICE).connect(process), Tab(ALICE).connect(process).cut()
    append(ROOM)
    insert_bytes(*row)
    append(ROOM)
    process.hear(*published())
    live.read()
    assert live.offsets == [1, 3]
    assert offline.connect(start(ring=1)).recovered
    assert offline.offsets == [1, 3]


def test_a_row_that_was_spoilt_later_is_passed_over_too(faulty: None, start: Start) -> None:
    process = start()
    offline = Tab(ALICE).connect(process).cut()
    append(ROOM, 3)
    published()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ordercast_events SET data = '{' WHERE position = 2")
    for _ in range(2):
        assert offline.connect(start(ring=1)).recovered
        assert offline.offsets == [1, 3]
        offline.cut()
        offline.offset = None


def test_over_http_the_rest_is_answered(
    faulty: None, app: Flask, make_user: Callable[..., Identity]
) -> None:
    market = Market(app, make_user)
    room = f"user:{market.alice.id}"
    append(room)
    for number, (where, name, data) in enumerate(FAULTY.values()):
        insert(room if where == ROOM else where, name, data)
        append(room)
        assert market.sequence() == 3 + 2 * number
    answer = good(market.alice.get("/api/events", after=0))
    assert [event["offset"] for event in answer["events"]] == [
        str(1 + 2 * number) for number in range(len(FAULTY) + 1)
    ]
    assert answer["complete"]


@pytest.mark.parametrize("data", ["", "{", "{'a': 1}", "1 2", "nul", '{"a": NaN}', "tea"])
def test_the_database_refuses_data_that_is_not_json(app: Flask, data: str) -> None:
    with pytest.raises(DBAPIError):
        insert(ROOM, "test", data)
    append(ROOM)
    with pytest.raises(DBAPIError), db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ordercast_events SET data = '{'")
    assert len(published()) == 1


def test_doctor_shows_it_until_it_is_settled(faulty: None, app: Flask) -> None:
    [entries] = journal_examinations(app.extensions["ordercast"].database)
    assert entries.ask() == "none was set aside"
    insert(ROOM, "test", "{")
    insert(ROOM, "test", "[")
    published()
    with pytest.raises(Doubtful) as caught:
        entries.ask()
    said, advice = caught.value.args
    assert said.startswith("2 set aside, the last at position 2 because: data is not JSON")
    with db.engine.begin() as connection:
        assert connection.exec_driver_sql(advice.split(": ")[1].split(";")[0]).first()
        connection.exec_driver_sql(advice.rpartition(": ")[2])
    db.session.rollback()
    assert entries.ask() == "none was set aside"
    assert ("journal entries", "ok") in {(one.name, one.level) for one in cast.examine()}


def test_what_is_pruned_is_forgotten(faulty: None) -> None:
    insert(ROOM, "test", "{")
    published()
    journal.prune(now() + timedelta(days=1))
    assert db.session.execute(select(SET_ASIDE)).all() == []


def test_a_time_that_is_none_stops_no_step(app: Flask) -> None:
    when = {"postgresql": "infinity", "sqlite": "someday"}[db.engine.dialect.name]
    append(ROOM)
    with db.engine.begin() as connection:
        values = f"'{ROOM}', 'test', '{{}}', '{when}'"
        connection.exec_driver_sql(
            f"INSERT INTO ordercast_events (room, name, data, created_at) VALUES ({values})"
        )
    append(ROOM)
    assert len(published()) == 1
    assert journal.prune(now() + timedelta(days=1)) == 1
    assert [entry.position for entry in journal.since(0, limit=9)] == [2, 3]


def test_a_position_that_is_given_again_is_no_obstacle(faulty: None, app: Flask) -> None:
    with transaction() as session:
        values = {"position": 1, "reason": "before the backup was restored"}
        session.execute(SET_ASIDE.insert().values(values))
    insert(ROOM, "test", "{")
    append(ROOM)
    assert len(published()) == 1


@pytest.mark.parametrize(
    "values", [(b"user:1", "test", "{}"), ("user:1", None, "{}"), ("user:1", "test", 7)]
)
def test_what_is_no_text_is_no_entry(values: tuple[object, object, object]) -> None:
    assert fault(*values) == "room, name and data are texts"


def test_every_reason_can_be_kept_and_printed() -> None:
    for row in FAULTY.values():
        reason = fault(*row)
        assert reason is not None
        assert reason.isascii()
        assert reason.isprintable()
        assert 0 < len(reason) <= 300
    assert fault("control", "\ud83d\0" * 500, "{}") is not None

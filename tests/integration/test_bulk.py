"""Many events by one statement: as if each had been appended by itself, in the same order."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.db import db
from ordercast.journal import Journal, NewEvent
from ordercast.journal.tables import EVENTS
from ordercast.payloads import JsonText, encode
from tests.harness.application import journal as here
from tests.harness.application.journal import sequence_once

ODD = [
    '"',
    "'",
    "\\",
    "{}",
    "{1,2}",
    "NULL",
    "%s",
    ":data",
    "é",
    "𝄞",
    "\\u0000",
    "a,b",
    "(1)",
    "--",
]


@pytest.fixture
def journal(app: Flask) -> Journal:
    return here.of(app)


def append_all(app: Flask, events: list[NewEvent]) -> None:
    service = app.extensions["ordercast"]
    with service.database.writing() as connection:
        service.journal.append_all(connection, events)


def test_they_have_ids_in_their_order_and_are_one_statement_on_postgresql(app: Flask) -> None:
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        append_all(app, [NewEvent(f"user:{n % 7}", "test", encode(n)) for n in range(500)])
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    rows = db.session.execute(select(EVENTS).order_by(EVENTS.c.id)).all()
    assert [row.data for row in rows] == [str(n) for n in range(500)]
    assert [row.room for row in rows] == [f"user:{n % 7}" for n in range(500)]
    assert len([one for one in statements if "INSERT" in one]) == 1


def test_texts_arrive_as_they_are(app: Flask, journal: Journal) -> None:
    texts = [encode({"text": odd}) for odd in ODD]
    append_all(app, [NewEvent(f"room {odd}", f"name {odd}", encode({"x": odd})) for odd in ODD])
    append_all(app, [NewEvent("user:1", "test", data) for data in texts])
    assert sequence_once(lambda _: None) == 2 * len(ODD)
    entries = journal.since(0, limit=100)
    assert [(e.room, e.name) for e in entries[: len(ODD)]] == [
        (f"room {odd}", f"name {odd}") for odd in ODD
    ]
    assert [entry.data for entry in entries[len(ODD) :]] == [data.text for data in texts]


def test_an_event_of_several_rooms_is_in_each_of_them(app: Flask, journal: Journal) -> None:
    append_all(
        app,
        [
            NewEvent("a", "test", encode(1), ("b", 'c "1"')),
            NewEvent("a", "test", encode(2)),
            NewEvent("b", "test", encode(3), ("d",)),
        ],
    )
    assert sequence_once(lambda _: None) == 3
    assert [entry.rooms for entry in journal.since(0, limit=9)] == [
        ("a", "b", 'c "1"'),
        ("a",),
        ("b", "d"),
    ]
    for room, data in (("b", ["1", "3"]), ('c "1"', ["1"]), ("d", ["3"])):
        assert [entry.data for entry in journal.since(0, limit=9, rooms=[room])] == data


@pytest.mark.parametrize("count", [1, 4, 5])
@pytest.mark.parametrize("further", [(), ("b",)])
def test_each_has_its_key(
    app: Flask, journal: Journal, count: int, further: tuple[str, ...]
) -> None:
    keys = [None if n == 1 else f"order:{n}" for n in range(count)]
    append_all(app, [NewEvent("a", "test", encode(1), further, key) for key in keys])
    sequence_once(lambda _: None)
    found = [journal.row_at(position) for position in range(1, count + 1)]
    assert [row and row.key for row in found] == keys
    assert [row and row.rooms for row in found] == [("a", *further)] * count


def test_none_at_all_is_no_statement(app: Flask, journal: Journal) -> None:
    append_all(app, [])
    assert journal.waiting_after() is None


def test_one_that_the_database_refuses_takes_all_with_it(app: Flask, journal: Journal) -> None:
    events = [NewEvent("user:1", "test", JsonText(text)) for text in ("1", "{", "3")]
    with pytest.raises(Exception, match=r"(?i)json"):
        append_all(app, events)
    assert journal.waiting_after() is None

"""Inserting many events by one statement, which gives them their ids in their order."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, Text, TextClause, bindparam, insert, text

from ordercast.journal.tables import ENTRIES, EVENTS
from ordercast.payloads import JsonText


class NewEvent(NamedTuple):
    """An event that is to be appended."""

    room: str
    name: str
    data: JsonText
    further: tuple[str, ...] = ()  # its rooms besides `room`
    key: str | None = None


# One JSON parameter: a statement whose length depends on the number of rows would be compiled,
# parsed and planned anew for each number, and psycopg takes ten times as long for an array of text.
INSERT_ALL = text(f"""
INSERT INTO {ENTRIES.name} (room, name, data, request_id, key, further_rooms)
SELECT room, name, data, :request_id, key, CASE WHEN further IS NOT NULL THEN ARRAY(
    SELECT value FROM json_array_elements_text(further) WITH ORDINALITY AS one (value, place)
    ORDER BY place) END
FROM ROWS FROM (json_to_recordset(CAST(:rows AS json))
    AS (room text, name text, data text, key text, further json)) WITH ORDINALITY
    AS given (room, name, data, key, further, place)
ORDER BY place
""").bindparams(bindparam("request_id", type_=Text()))  # noqa: S608, a table's name


FEW = 4  # events, as of most transactions: plain values cost less than a document of them


@cache
def _insert_few(count: int) -> TextClause:
    values = ", ".join(
        f"(:room{n}, :name{n}, :data{n}, :request_id, :key{n})" for n in range(count)
    )
    return text(f"INSERT INTO {EVENTS.name} (room, name, data, request_id, key) VALUES {values}")  # noqa: S608


def insert_all(connection: Connection, events: Sequence[NewEvent], request_id: str | None) -> None:
    """Insert the events, in their order. Raises SQLAlchemyError."""
    if len(events) <= FEW and not any(event.further for event in events):
        values = {"request_id": request_id}
        for n, each in enumerate(events):
            values |= {f"room{n}": each.room, f"name{n}": each.name}
            values |= {f"data{n}": each.data.text, f"key{n}": each.key}
        connection.execute(_insert_few(len(events)), values)
        return
    if connection.dialect.name != "postgresql":
        connection.execute(insert(EVENTS), [_row(event, request_id) for event in events])
        return
    rows = orjson.dumps([_given(event) for event in events]).decode()
    connection.execute(INSERT_ALL, {"request_id": request_id, "rows": rows})


def _given(event: NewEvent) -> dict[str, object]:
    given: dict[str, object] = {"room": event.room, "name": event.name, "data": event.data.text}
    if event.further:
        given["further"] = event.further
    if event.key is not None:
        given["key"] = event.key
    return given


def _row(event: NewEvent, request_id: str | None) -> dict[str, object]:
    return {
        "room": event.room,
        "name": event.name,
        "data": event.data.text,
        "request_id": request_id,
        "key": event.key,
        "further_rooms": list(event.further) or None,
    }

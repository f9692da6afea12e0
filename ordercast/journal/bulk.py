"""Inserting many events by one statement, which gives them their ids in their order."""

from collections.abc import Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import ARRAY, Connection, Text, bindparam, insert, text

from ordercast.journal.tables import EVENTS
from ordercast.payloads import JsonText


class NewEvent(NamedTuple):
    """An event that is to be appended; without a key."""

    room: str
    name: str
    data: JsonText
    further: tuple[str, ...] = ()  # its rooms besides `room`


# One array for each column: a statement whose length depends on the number of rows would be
# compiled, parsed and planned anew for each number. Arrays of arrays have to be rectangular, so
# further rooms are JSON.
INSERT_ALL = text(f"""
INSERT INTO {EVENTS.name} (room, name, data, request_id, further_rooms)
SELECT room, name, data, :request_id, CASE WHEN further IS NOT NULL THEN ARRAY(
    SELECT value FROM json_array_elements_text(further::json) WITH ORDINALITY AS one (value, place)
    ORDER BY place) END
FROM unnest(:rooms, :names, :data, :further)
    WITH ORDINALITY AS given (room, name, data, further, place)
ORDER BY place
""").bindparams(  # noqa: S608, a table's name
    bindparam("request_id", type_=Text()),
    *(bindparam(name, type_=ARRAY(Text)) for name in ("rooms", "names", "data", "further")),
)


def insert_all(connection: Connection, events: Sequence[NewEvent], request_id: str | None) -> None:
    """Insert the events, in their order. Raises SQLAlchemyError."""
    if connection.dialect.name != "postgresql":
        connection.execute(insert(EVENTS), [_row(event, request_id) for event in events])
        return
    columns = {
        "rooms": [event.room for event in events],
        "names": [event.name for event in events],
        "data": [event.data.text for event in events],
        "further": [orjson.dumps(e.further).decode() if e.further else None for e in events],
    }
    connection.execute(INSERT_ALL, {"request_id": request_id, **columns})


def _row(event: NewEvent, request_id: str | None) -> dict[str, object]:
    return {
        "room": event.room,
        "name": event.name,
        "data": event.data.text,
        "request_id": request_id,
        "further_rooms": list(event.further) or None,
    }

"""Events by their offset, their subject or their rooms, as an operator asks for them: also those
that wait for their position, or can be delivered to nobody. Payloads are not read."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select, union

from ordercast.journal.tables import (
    EVENTS,
    FURTHER_ROOMS,
    POSITIONS,
    SET_ASIDE,
    entries_table,
)
from ordercast.spans.carried import parts

COLUMNS = ("id", "created_at", "room", "name", "key", "request_id", "further_rooms")


class Row(NamedTuple):
    """An event's row, without its payload."""

    id: int
    position: int | None  # None: it waits for its position
    rooms: tuple[str, ...]
    name: str
    key: str | None
    request_id: str | None
    committed_at: datetime  # written in its transaction, by the database's clock
    fault: str | None  # why it can be delivered to nobody


Place = tuple[int, int, datetime]  # position, id, created_at


def at(connection: Connection, position: int) -> Row | None:
    """The event with this position, if it is kept."""
    places = POSITIONS if connection.dialect.name == "postgresql" else EVENTS
    found = select(places.c.position, places.c.id, places.c.created_at)
    return _first(_of_places(connection, found.where(places.c.position == position)))


def about(connection: Connection, key: str, *, limit: int) -> list[Row]:
    """The latest events with this key, the oldest first."""
    table = entries_table(connection.dialect.name)
    columns = [table.c[name] for name in COLUMNS]
    query = select(*columns).where(table.c.key == key).order_by(table.c.id.desc()).limit(limit)
    rows = connection.execute(query).all()
    return _rows(connection, reversed(rows), _positions(connection, rows))


def latest(connection: Connection, rooms: Sequence[str], *, limit: int) -> list[Row]:
    """The latest events of these rooms that have a position, the oldest first."""
    places = POSITIONS if connection.dialect.name == "postgresql" else EVENTS
    position, further = places.c.position, FURTHER_ROOMS.c
    first = select(position).where(places.c.room.in_(rooms), position.is_not(None))
    several = select(further.position).where(further.room.in_(rooms))
    both = union(
        select(first.order_by(position.desc()).limit(limit).subquery()),
        select(several.order_by(further.position.desc()).limit(limit).subquery()),
    ).subquery()
    chosen = select(both.c.position).order_by(both.c.position.desc()).limit(limit)
    positions = list(connection.scalars(chosen))
    return rows_at(connection, positions)


def rows_at(connection: Connection, positions: Sequence[int]) -> list[Row]:
    """The events with these positions, the oldest first."""
    places = POSITIONS if connection.dialect.name == "postgresql" else EVENTS
    query = select(places.c.position, places.c.id, places.c.created_at)
    return _of_places(connection, query.where(places.c.position.in_(positions)))


def _of_places(connection: Connection, query: Select[Any]) -> list[Row]:
    """The rows of (position, id, created_at), in the order of their positions."""
    places: list[Place] = [tuple(place) for place in connection.execute(query)]
    if not places:
        return []
    table = entries_table(connection.dialect.name)
    times = [created_at for _, _, created_at in places]
    rows = connection.execute(
        select(*(table.c[name] for name in COLUMNS)).where(
            table.c.id.in_([id for _, id, _ in places]),
            table.c.created_at.between(min(times), max(times)),
        )
    ).all()
    made = _rows(connection, rows, {(id, at): position for position, id, at in places})
    return sorted(made, key=lambda row: row.position or 0)


def _positions(
    connection: Connection, rows: Sequence[Sequence[Any]]
) -> dict[tuple[int, datetime], int]:
    """The positions of rows of an event's own table, by (id, created_at)."""
    if not rows:
        return {}
    if connection.dialect.name != "postgresql":
        query = select(EVENTS.c.id, EVENTS.c.created_at, EVENTS.c.position).where(
            EVENTS.c.id.in_([row[0] for row in rows]), EVENTS.c.position.is_not(None)
        )
    else:
        times = [row[1] for row in rows]
        places = POSITIONS.c
        query = select(places.id, places.created_at, places.position).where(
            places.id.in_([row[0] for row in rows]),
            places.created_at.between(min(times), max(times)),
        )
    return {(id, at): position for id, at, position in connection.execute(query)}


def _rows(
    connection: Connection,
    rows: Iterable[Sequence[Any]],
    positions: dict[tuple[int, datetime], int],
) -> list[Row]:
    faults = _faults(connection, list(positions.values()))
    made = []
    for id, created_at, room, name, key, request_id, further in rows:
        position = positions.get((id, created_at))
        others = further if isinstance(further, list) else []  # any program may have written it
        rooms = tuple(dict.fromkeys([room, *(one for one in others if isinstance(one, str))]))
        fault = None if position is None else faults.get(position)
        request = parts(request_id)[0] or None if request_id else None
        made.append(Row(id, position, rooms, name, key, request, created_at, fault))
    return made


def _faults(connection: Connection, positions: Sequence[int]) -> dict[int, str]:
    query = select(SET_ASIDE.c.position, SET_ASIDE.c.reason)
    found = connection.execute(query.where(SET_ASIDE.c.position.in_(positions)))
    return dict(found.all())


def _first(rows: Sequence[Row]) -> Row | None:
    return rows[0] if rows else None

"""The statements that read events of a stretch of the journal, by position."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    LargeBinary,
    Select,
    cast,
    func,
    select,
    text,
    union_all,
)

from ordercast.journal.tables import EVENTS, FURTHER_ROOMS

CONTENT = ("room", "name", "data", "further_rooms")  # of an event, besides its position
BEYOND_ALL = 2**63 - 1  # positions

# PostgreSQL keeps one plan of a statement if a plan for the given values seems no better. To plan
# a read of all days' partitions costs more than the read. So the values are subqueries: the planner
# knows none of them, and every plan seems the same.
AFTER, UNTIL = "(SELECT CAST(:after AS bigint))", "(SELECT CAST(:until AS bigint))"
LIMIT = "LIMIT (SELECT CAST(:limit AS integer))"
ROOMS = "(SELECT CAST(:rooms AS text[]))"
STRETCH = f"position > {AFTER} AND position <= {UNTIL}"

OF_ALL = f"SELECT position, id, created_at FROM ordercast_positions WHERE {STRETCH}"  # noqa: S608
# One room after the other, each by its index, whatever the planner thinks of their number. An event
# whose first room is among these is not looked up by a further one.
OF_ROOMS = f"""
    SELECT place.* FROM unnest({ROOMS}) AS wanted (room) CROSS JOIN LATERAL (
        SELECT position, id, created_at FROM ordercast_positions
        WHERE room = wanted.room AND {STRETCH} ORDER BY position {LIMIT}
    ) AS place
    UNION ALL
    SELECT place.* FROM (
        SELECT DISTINCT further.position FROM unnest({ROOMS}) AS wanted (room)
        CROSS JOIN LATERAL (
            SELECT position FROM ordercast_further_rooms
            WHERE room = wanted.room AND {STRETCH} ORDER BY position {LIMIT}
        ) AS further
    ) AS further CROSS JOIN LATERAL (
        SELECT position, id, created_at FROM ordercast_positions
        WHERE position = further.position AND room <> ALL(CAST({ROOMS} AS text[]))
    ) AS place
"""  # noqa: S608, constants
# The planner knows little of today's partition. By an array of ids, within the times of these, it
# reads entries by index; and it never makes a full join by comparing each with each.
READ = """
    WITH place AS ({places} ORDER BY position {limit})
    SELECT place.position, {content}
    FROM place FULL JOIN (
        SELECT id, created_at, {columns} FROM ordercast_entries
        WHERE id = ANY(ARRAY(SELECT id FROM place))
            AND created_at >= (SELECT min(created_at) FROM place)
            AND created_at <= (SELECT max(created_at) FROM place)
    ) AS entry ON entry.id = place.id AND entry.created_at = place.created_at
    WHERE num_nulls(place.position, entry.id) = 0
    ORDER BY place.position
"""
ENTRY_CONTENT = ", ".join(f"entry.{name}" for name in CONTENT)
ENTRY_BYTES = "octet_length(entry.data)"  # for which the data is not read
POSTGRESQL = {
    (content, places): text(
        READ.format(places=places, limit=LIMIT, content=content, columns=", ".join(CONTENT))
    )
    for content in (ENTRY_CONTENT, ENTRY_BYTES)
    for places in (OF_ALL, OF_ROOMS)
}


class Stretch(NamedTuple):
    """The first `limit` events with after < position <= until, of any of `rooms` or of all; each
    once, however many of its rooms are among these."""

    after: int
    until: int | None
    rooms: Sequence[str] | None
    limit: int


def contents(connection: Connection, stretch: Stretch) -> Sequence[Sequence[Any]]:
    """(position, room, name, data, further_rooms) of each event, by position."""
    if connection.dialect.name == "postgresql":
        return _read(connection, ENTRY_CONTENT, stretch)
    return connection.execute(_query([EVENTS.c[name] for name in CONTENT], stretch)).all()


def sizes(connection: Connection, stretch: Stretch) -> list[tuple[int, int]]:
    """(position, bytes of data) of each event, by position. The data itself is not read."""
    if connection.dialect.name == "postgresql":
        rows = _read(connection, ENTRY_BYTES, stretch)
    else:
        rows = connection.execute(_query([data_bytes()], stretch)).all()
    return [(position, size) for position, size in rows]


def data_bytes() -> ColumnElement[int]:
    """SQLite: the size of an event's data, for which the data is not read."""
    return func.length(cast(EVENTS.c.data, LargeBinary))


def _read(connection: Connection, content: str, stretch: Stretch) -> Sequence[Sequence[Any]]:
    after, until, rooms, limit = stretch
    statement = POSTGRESQL[content, OF_ALL if rooms is None else OF_ROOMS]
    values = {"after": after, "until": BEYOND_ALL if until is None else until, "limit": limit}
    of_rooms = {} if rooms is None else {"rooms": list(dict.fromkeys(rooms))}
    return connection.execute(statement, {**values, **of_rooms}).all()


def _query(
    content: Sequence[ColumnElement[Any]], stretch: Stretch
) -> Select[Any] | CompoundSelect[Any]:
    rooms, position, further = stretch.rooms, EVENTS.c.position, FURTHER_ROOMS.c
    query = select(position, *content).where(*_within(position, stretch))
    if rooms is None:
        return query.order_by(position).limit(stretch.limit)
    by_further = select(further.position).where(
        further.room.in_(rooms), *_within(further.position, stretch)
    )
    # Two queries that share no row, each by its own index: with OR, SQLite reads all rooms.
    both = union_all(
        query.where(EVENTS.c.room.in_(rooms)),
        query.where(position.in_(by_further), EVENTS.c.room.not_in(rooms)),
    )
    return both.order_by(both.selected_columns[0]).limit(stretch.limit)


def _within(position: ColumnElement[Any], stretch: Stretch) -> list[ColumnElement[bool]]:
    until = [] if stretch.until is None else [position <= stretch.until]
    return [position > stretch.after, *until]

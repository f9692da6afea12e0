"""Reading the journal: plain rows in position order."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    LargeBinary,
    Select,
    Table,
    and_,
    cast,
    func,
    select,
    union_all,
)

from ordercast.journal.entries import Entry, read
from ordercast.journal.tables import ENTRIES, EVENTS, FURTHER_ROOMS, HEAD, POSITIONS, entries_table

CONTENT = ("room", "name", "data", "further_rooms")  # of an event, besides its position


class Head(NamedTuple):
    position: int  # the last position given; 0 before the first event
    lowest: int  # the lowest position still kept; head + 1 if none is
    journal: str  # the name of the journal that has these positions


def head(connection: Connection) -> Head:
    """The journal's head."""
    row = connection.execute(select(HEAD.c.position, HEAD.c.lowest, HEAD.c.journal)).one()
    return Head(*row)


def has_row(connection: Connection, id: int, name: str, data: str) -> bool:
    """Whether the row with this id is this event: after a COMMIT that was not answered. The content
    is compared too: a database that went back may have given the id to another event."""
    row = entries_table(connection.dialect.name).c
    same = select(row.id).where(row.id == id, row.name == name, row.data == data)
    return connection.execute(same).first() is not None


def since(
    connection: Connection,
    position: int,
    *,
    limit: int,
    rooms: Sequence[str] | None = None,
    until: int | None = None,
) -> list[Entry]:
    """Up to `limit` entries after `position` and up to `until`, oldest first, of `rooms` or all.
    Without `rooms`, a blank entry stands for each that cannot be delivered; with `rooms`, these are
    left out."""
    row = entries_table(connection.dialect.name).c
    content = [row[name] for name in CONTENT]
    query = _chosen(connection, content, after=position, until=until, rooms=rooms, limit=limit)
    entries = [read(*found) for found in connection.execute(query)]
    return entries if rooms is None else [entry for entry in entries if not entry.is_blank]


def sizes(
    connection: Connection,
    position: int,
    *,
    limit: int,
    rooms: Sequence[str] | None = None,
    until: int,
) -> list[tuple[int, int]]:
    """(position, bytes of data) of up to `limit` entries after `position` and up to `until`, oldest
    first, of `rooms` or all. The data itself is not read."""
    content = [data_bytes(connection)]
    query = _chosen(connection, content, after=position, until=until, rooms=rooms, limit=limit)
    return [(found, size) for found, size in connection.execute(query)]


def page(
    connection: Connection,
    position: int,
    *,
    limit: int,
    rooms: Sequence[str] | None = None,
    until: int,
    max_bytes: int,
) -> list[Entry]:
    """As `since`, but no more than `max_bytes` of data, unless a single entry has more."""
    total = 0
    end = position
    for found, size in sizes(connection, position, limit=limit, rooms=rooms, until=until):
        total += size
        if total > max_bytes and end > position:
            break
        end = found
    return since(connection, position, limit=limit, rooms=rooms, until=end)


def _chosen(
    connection: Connection,
    content: Sequence[ColumnElement[Any]],
    *,
    after: int,
    until: int | None,
    rooms: Sequence[str] | None,
    limit: int,
) -> Select[Any] | CompoundSelect[Any]:
    """(position, *content) of the first `limit` events after `after` and up to `until`, by
    position, of `rooms` or all: each once, however many of its rooms are among these."""
    if connection.dialect.name != "postgresql":
        found = select(EVENTS.c.position, *content)
        return _first(EVENTS, found, after=after, until=until, rooms=rooms, limit=limit)
    columns = select(POSITIONS.c.position, POSITIONS.c.id, POSITIONS.c.created_at)
    first = _first(POSITIONS, columns, after=after, until=until, rooms=rooms, limit=limit)
    place = first.cte(EVENTS.name)
    earliest, latest = select(func.min(place.c.created_at)), select(func.max(place.c.created_at))
    ids = func.array(select(place.c.id).scalar_subquery())
    # The planner knows little of today's partition. By an array of ids, within the times of these,
    # it reads entries by index; and it never makes a full join by comparing each with each.
    entry = (
        select(ENTRIES.c.id, ENTRIES.c.created_at, *content)
        .where(
            ENTRIES.c.id == func.any(ids),
            ENTRIES.c.created_at >= earliest.scalar_subquery(),
            ENTRIES.c.created_at <= latest.scalar_subquery(),
        )
        .subquery()
    )
    same = and_(entry.c.id == place.c.id, entry.c.created_at == place.c.created_at)
    return (
        select(place.c.position, *list(entry.c)[2:])
        .select_from(place.join(entry, same, full=True))
        .where(func.num_nulls(place.c.position, entry.c.id) == 0)
        .order_by(place.c.position)
    )


def _first(
    table: Table,
    query: Select[Any],
    *,
    after: int,
    until: int | None,
    rooms: Sequence[str] | None,
    limit: int,
) -> Select[Any] | CompoundSelect[Any]:
    """The first rows of `query`, which begins with the position in `table`."""
    query = query.where(*_within(table.c.position, after, until))
    if rooms is None:
        return query.order_by(table.c.position).limit(limit)
    position = FURTHER_ROOMS.c.position
    further = select(position).where(
        FURTHER_ROOMS.c.room.in_(rooms), *_within(position, after, until)
    )
    # Two queries that share no row, each by its own index: with OR both databases read all rooms.
    both = union_all(
        query.where(table.c.room.in_(rooms)),
        query.where(table.c.position.in_(further), table.c.room.not_in(rooms)),
    )
    return both.order_by(both.selected_columns[0]).limit(limit)


def _within(
    position: ColumnElement[Any], after: int, until: int | None
) -> list[ColumnElement[bool]]:
    return [position > after] if until is None else [position > after, position <= until]


def data_bytes(connection: Connection) -> ColumnElement[int]:
    """The size of an event's data, for which neither database reads the data."""
    if connection.dialect.name == "postgresql":
        return func.octet_length(ENTRIES.c.data)
    return func.length(cast(EVENTS.c.data, LargeBinary))

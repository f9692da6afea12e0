"""Reading the journal: plain rows in position order."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from ordercast.journal import selecting
from ordercast.journal.entries import Entry, read
from ordercast.journal.selecting import Stretch
from ordercast.journal.tables import HEAD, entries_table


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
    found = selecting.contents(connection, Stretch(position, until, rooms, limit))
    entries = [read(*row) for row in found]
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
    return selecting.sizes(connection, Stretch(position, until, rooms, limit))


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

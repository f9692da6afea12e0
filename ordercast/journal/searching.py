"""The journal page by page, the latest first, for an operator. Payloads are not read.

Rooms and offsets are read by index. A name has no index: of each page so many events are compared
with it and no more, and the page says where the next one begins.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from sqlalchemy import Connection, select, union

from ordercast.events import CONTROL_ROOM
from ordercast.journal.history import Row, rows_at
from ordercast.journal.tables import EVENTS, FURTHER_ROOMS, POSITIONS

MAX_COMPARED = 1000  # events of one page, when their name is asked for
MAX_POSITIONS = 20_000  # of one page without a room: those of the service's own events included


class EventPage(NamedTuple):
    """`events`: the latest first. `following`: give it as `before` to get the next page, which may
    have events although this one has none; None: this is the last one."""

    events: tuple[Row, ...]
    following: int | None


def page(
    connection: Connection,
    *,
    after: int,
    before: int,
    room: str | None,
    name: str | None,
    limit: int,
) -> EventPage:
    """Events with positions between the two, of one room, or of all but the service's own; `name`
    may have `*` for any characters. `after` is at least the lowest position kept, less one."""
    lowest = after if room is not None else max(after, before - 1 - MAX_POSITIONS)
    wanted = limit if name is None else MAX_COMPARED
    positions = _positions(connection, lowest, before, room, wanted)
    found = [
        row
        for row in reversed(rows_at(connection, positions))
        if name is None or fnmatchcase(row.name, name)
    ]
    if len(found) > limit:
        return EventPage(tuple(found[:limit]), found[limit - 1].position)
    if len(positions) == wanted:
        return EventPage(tuple(found), positions[-1])
    return EventPage(tuple(found), lowest + 1 if lowest > after else None)


def _positions(
    connection: Connection, after: int, before: int, room: str | None, limit: int
) -> Sequence[int]:
    """The latest first."""
    places = (POSITIONS if connection.dialect.name == "postgresql" else EVENTS).c
    position, further = places.position, FURTHER_ROOMS.c
    first = select(position).where(position > after, position < before)
    if room is None:
        others = first.where(places.room != CONTROL_ROOM)
        return connection.scalars(others.order_by(position.desc()).limit(limit)).all()
    several = select(further.position).where(
        further.room == room, further.position > after, further.position < before
    )
    first = first.where(places.room == room).order_by(position.desc()).limit(limit)
    several = several.order_by(further.position.desc()).limit(limit)
    both = union(select(first.subquery()), select(several.subquery())).subquery().c.position
    return connection.scalars(select(both).order_by(both.desc()).limit(limit)).all()

"""Reading the journal: plain rows in position order."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, cast, func, select

from app.db import db
from ordercast.journal.entries import Entry, read
from ordercast.journal.models import JournalEvent, JournalHead


class Head(NamedTuple):
    position: int  # the last position given; 0 before the first event
    lowest: int  # the lowest position still kept; head + 1 if none is
    journal: str  # which journal these positions belong to


def head() -> Head:
    """Where the journal is."""
    row = db.session.execute(
        select(JournalHead.position, JournalHead.lowest, JournalHead.journal)
    ).one()
    return Head(*row)


def since(
    position: int, *, limit: int, rooms: Sequence[str] | None = None, until: int | None = None
) -> list[Entry]:
    """Up to `limit` entries after `position` and up to `until`, oldest first, of `rooms` or all.
    Without rooms there is a blank entry in the place of one that cannot be delivered; of rooms it
    is left out."""
    query = (
        select(JournalEvent.position, JournalEvent.room, JournalEvent.name, JournalEvent.data)
        .where(JournalEvent.position > position)
        .order_by(JournalEvent.position)
        .limit(limit)
    )
    if until is not None:
        query = query.where(JournalEvent.position <= until)
    if rooms is not None:
        query = query.where(JournalEvent.room.in_(rooms))
    entries = [read(*row) for row in db.session.execute(query)]  # type: ignore[arg-type]
    return entries if rooms is None else [entry for entry in entries if not entry.is_blank]


def sizes(
    position: int, *, limit: int, rooms: Sequence[str] | None = None, until: int
) -> list[tuple[int, int]]:
    """Of up to `limit` entries after `position` and up to `until`, oldest first, of `rooms` or all:
    their positions, and the bytes of their data, which is not read for that."""
    query = (
        select(JournalEvent.position, data_bytes())
        .where(JournalEvent.position > position, JournalEvent.position <= until)
        .order_by(JournalEvent.position)
        .limit(limit)
    )
    if rooms is not None:
        query = query.where(JournalEvent.room.in_(rooms))
    return [(found, size) for found, size in db.session.execute(query)]  # type: ignore[misc]


def page(
    position: int, *, limit: int, rooms: Sequence[str] | None = None, until: int, max_bytes: int
) -> list[Entry]:
    """As `since`, but no more than `max_bytes` of data, unless a single entry has more."""
    total = 0
    end = position
    for found, size in sizes(position, limit=limit, rooms=rooms, until=until):
        total += size
        if total > max_bytes and end > position:
            break
        end = found
    return since(position, limit=limit, rooms=rooms, until=end)


def data_bytes() -> ColumnElement[int]:
    """The size of an event's data, for which neither database reads the data."""
    if db.engine.dialect.name == "postgresql":
        return func.octet_length(JournalEvent.data)
    return func.length(cast(JournalEvent.data, LargeBinary))

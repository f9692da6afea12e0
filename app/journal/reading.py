"""Reading the journal: plain rows in position order."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from app.db import db
from app.journal.models import JournalEvent, JournalHead


class Entry(NamedTuple):
    """One sequenced event; `data` is JSON text."""

    position: int
    room: str
    name: str
    data: str


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
    """Up to `limit` entries after `position` and up to `until`, oldest first, of `rooms` or all."""
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
    return [Entry(*row) for row in db.session.execute(query)]  # type: ignore[arg-type]

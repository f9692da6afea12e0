"""Reading the journal: plain rows in position order."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from app.db import db
from app.journal.entries import Entry, read
from app.journal.models import JournalEvent, JournalHead


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

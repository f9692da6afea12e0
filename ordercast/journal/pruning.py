"""Pruning: deletes the oldest events, and moves the lowest position kept."""

from datetime import datetime
from itertools import takewhile

from sqlalchemy import Connection, delete, select

from ordercast.database import Database
from ordercast.journal.locking import lock_head, move_head
from ordercast.journal.reading import head
from ordercast.journal.tables import EVENTS, FURTHER_ROOMS, SET_ASIDE

BATCH_ROWS = 1000  # in one step

events = EVENTS.c


def prune(database: Database, before: datetime, limit: int = BATCH_ROWS) -> int:
    """Delete up to `limit` sequenced events written before `before`, and if there are fewer of this
    journal, up to as many that a journal of another name left behind. Returns how many."""
    with database.writing() as connection:
        count = _prune_oldest(connection, before, limit)
    if count == limit:
        return count
    with database.writing() as connection:
        return count + _prune_left_behind(connection, before, limit)


def _prune_oldest(connection: Connection, before: datetime, limit: int) -> int:
    """Delete only a prefix of the positions: an old event behind a younger one stays, so that
    "everything from `lowest` on is here" stays true."""
    head = lock_head(connection)
    # Let the database compare: a time that another program wrote may be out of Python's range.
    oldest = connection.execute(
        select(events.position, (events.created_at < before).label("is_old"))
        .where(events.position >= head.lowest)
        .order_by(events.position)
        .limit(limit)
    )
    old = list(takewhile(lambda found: found.is_old, oldest))
    end = old[-1].position + 1 if old else head.lowest
    connection.execute(delete(EVENTS).where(events.position >= head.lowest, events.position < end))
    for table in (FURTHER_ROOMS, SET_ASIDE):
        connection.execute(delete(table).where(table.c.position < end))
    move_head(connection, head._replace(lowest=end))
    return len(old)


def _prune_left_behind(connection: Connection, before: datetime, limit: int) -> int:
    """Delete events below the lowest position of this journal: an earlier journal's. Without the
    head's lock: on PostgreSQL the query scans all rows that were pruned and not vacuumed yet."""
    left = select(events.id).where(
        events.position < head(connection).lowest, events.created_at < before
    )
    found = connection.scalars(left.limit(limit)).all()
    if found:
        connection.execute(delete(EVENTS).where(events.id.in_(found)))
    return len(found)

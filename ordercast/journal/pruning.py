"""Pruning: the oldest events go; the lowest position kept is remembered."""

from datetime import datetime
from itertools import takewhile

from sqlalchemy import delete, select

from app.db import transaction
from ordercast.journal.locking import lock_head
from ordercast.journal.models import JournalEvent, SetAside
from ordercast.journal.reading import head

BATCH = 1000  # rows in one step


def prune(before: datetime, limit: int = BATCH) -> int:
    """Delete up to `limit` sequenced events written before `before`, and when none is left of this
    journal, as many that one of another name left behind. Returns how many."""
    count = _prune_oldest(before, limit)
    return count if count == limit else count + _prune_left_behind(before, limit)


def _prune_oldest(before: datetime, limit: int) -> int:
    """Only a prefix of the positions goes: an old event behind a younger one stays, so that
    "everything from `lowest` on is here" stays true."""
    with transaction() as session:
        row = lock_head(session)
        # Compared by the database: a time that another program wrote may be none that Python knows.
        oldest = session.execute(
            select(JournalEvent.position, (JournalEvent.created_at < before).label("is_old"))
            .where(JournalEvent.position >= row.lowest)
            .order_by(JournalEvent.position)
            .limit(limit)
        )
        old = list(takewhile(lambda found: found.is_old, oldest))
        end = old[-1].position + 1 if old else row.lowest
        session.execute(
            delete(JournalEvent)
            .where(JournalEvent.position >= row.lowest, JournalEvent.position < end)
            .execution_options(synchronize_session=False)
        )
        session.execute(delete(SetAside).where(SetAside.position < end))
        row.lowest = end
    return len(old)


def _prune_left_behind(before: datetime, limit: int) -> int:
    """What is below the lowest position of this journal is of another one. Without the head's lock:
    on PostgreSQL the look passes over all that was pruned and is not vacuumed yet."""
    with transaction() as session:
        left = select(JournalEvent.id).where(
            JournalEvent.position < head().lowest, JournalEvent.created_at < before
        )
        found = session.scalars(left.limit(limit)).all()
        if found:
            session.execute(
                delete(JournalEvent)
                .where(JournalEvent.id.in_(found))
                .execution_options(synchronize_session=False)
            )
    return len(found)

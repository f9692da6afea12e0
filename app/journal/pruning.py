"""Pruning: the oldest events go; the lowest position kept is remembered."""

from datetime import datetime
from itertools import takewhile

from sqlalchemy import delete, select

from app.db import transaction
from app.journal.locking import lock_head
from app.journal.models import JournalEvent, SetAside

BATCH = 1000  # rows in one step


def prune(before: datetime, limit: int = BATCH) -> int:
    """Delete up to `limit` sequenced events written before `before`. Returns how many.

    Only a prefix of the positions goes: an old event behind a younger one stays, so that
    "everything from `lowest` on is here" stays true.
    """
    with transaction() as session:
        head = lock_head(session)
        start = head.lowest
        # Compared by the database: a time that another program wrote may be none that Python knows.
        oldest = session.execute(
            select(JournalEvent.position, (JournalEvent.created_at < before).label("is_old"))
            .where(JournalEvent.position >= head.lowest)
            .order_by(JournalEvent.position)
            .limit(limit)
        )
        old = list(takewhile(lambda row: row.is_old, oldest))
        end = old[-1].position + 1 if old else head.lowest
        session.execute(
            delete(JournalEvent)
            .where(JournalEvent.position >= head.lowest, JournalEvent.position < end)
            .execution_options(synchronize_session=False)
        )
        session.execute(delete(SetAside).where(SetAside.position < end))
        head.lowest = end
        # What a journal of another name left behind is below the lowest position of this one.
        left = select(JournalEvent.id).where(
            JournalEvent.position < start, JournalEvent.created_at < before
        )
        found = session.scalars(left.limit(limit)).all()
        if found:
            session.execute(
                delete(JournalEvent)
                .where(JournalEvent.id.in_(found))
                .execution_options(synchronize_session=False)
            )
    return len(old) + len(found)

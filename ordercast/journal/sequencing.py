"""Sequencing: committed events get contiguous positions.

Ids become visible out of order when transactions overlap, so a reader that remembers the last id
it saw skips the late ones. Positions are given after the commit, under the lock of the one-row
`ordercast_head`: 1, 2, 3 ... with no holes, so a missing one is visible. Any number of sequencers
may run; the row's lock lets one at a time through.
"""

import logging

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.db import db, transaction
from ordercast.journal.entries import Entry, blank, fault
from ordercast.journal.locking import lock_head
from ordercast.journal.marks import Marks
from ordercast.journal.models import JournalEvent, SetAside, database_now
from ordercast.journal.reading import Head, data_bytes
from ordercast.journal.restarting import restart_if_lost
from ordercast.journal.waiting import waiting_after
from ordercast.metrics import EVENTS_SET_ASIDE

logger = logging.getLogger(__name__)
BATCH = 200  # rows in one step
BATCH_BYTES = 4_194_304  # of data in one step, and one row more: what a batch holds in memory


def oldest_waiting() -> tuple[int, float] | None:
    """(id, seconds by the database's clock) of the event that has waited for its position for the
    longest time; None if none waits."""
    if (after := waiting_after()) is None:
        return None
    oldest = (
        select(JournalEvent.id, JournalEvent.created_at, database_now())
        .where(JournalEvent.position.is_(None), JournalEvent.id > after)
        .order_by(JournalEvent.id)
        .limit(1)
    )
    with db.engine.connect() as connection:
        row = connection.execute(oldest).one_or_none()
    return None if row is None else (row[0], max(0.0, (row[2] - row[1]).total_seconds()))


def sequence(
    limit: int = BATCH, marks: Marks | None = None, *, after: int = 0
) -> tuple[Head, list[Entry]]:
    """Give up to `limit` unsequenced events, or up to BATCH_BYTES of them, their positions, in id
    order, and commit: of those after the id that `waiting_after` said, or of all.

    Returns the head afterwards and what was sequenced; the caller publishes it. Raises HeadLocked.

    A journal that was further, as `marks` say, begins anew first; none is sequenced while that is
    not known.
    """
    with transaction() as session:
        row = lock_head(session)
        if marks is not None:
            if not marks.settle(row.journal, session.connection().info) and row.position:
                return Head(row.position, row.lowest, row.journal), []
            restart_if_lost(row, marks.known(row.journal))
        # Reads after it holds the lock: what another sequencer committed meanwhile is seen.
        size = data_bytes()
        waiting = (
            select(
                JournalEvent.id,
                func.row_number().over(order_by=JournalEvent.id).label("nth"),
                (func.sum(size).over(order_by=JournalEvent.id) - size).label("before"),
            )
            .where(JournalEvent.position.is_(None), JournalEvent.id > after)
            .order_by(JournalEvent.id)
            .limit(limit)
            .subquery()
        )
        numbered = session.execute(
            update(JournalEvent)
            .where(JournalEvent.id == waiting.c.id, waiting.c.before < BATCH_BYTES)
            .values(position=row.position + waiting.c.nth)
            .returning(
                JournalEvent.position, JournalEvent.room, JournalEvent.name, JournalEvent.data
            )
            .execution_options(synchronize_session=False)
        ).all()
        entries = sorted(_examined(session, *found) for found in numbered)
        row.position += len(entries)
        reached = Head(row.position, row.lowest, row.journal)
    if marks is not None:
        marks.note(reached.journal, reached.position)
    return reached, entries


def _examined(session: Session, position: int | None, *content: str) -> Entry:
    """The entry, or a blank one and the reason logged and kept."""
    assert position is not None
    reason = fault(*content)
    if reason is None:
        return Entry(position, *content)
    # The position may have been given before, to a row that a restored backup does not hold.
    session.merge(SetAside(position=position, reason=reason))
    EVENTS_SET_ASIDE.inc()
    logger.error("event set aside", extra={"position": position, "reason": reason})
    return blank(position)

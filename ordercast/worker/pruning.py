"""Pruning of the library's own tables: old days are dropped, and other old rows are deleted, a
batch at a time."""

import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select

from ordercast import joined, revocation
from ordercast.database import Database
from ordercast.inbox.tables import INBOX_IDS
from ordercast.journal import Journal
from ordercast.journal.pruning import BATCH_ROWS

logger = logging.getLogger(__name__)
IDS_KEPT = timedelta(days=7)  # how long a repeat of an inbox entry is recognised


def prune_once(database: Database, journal: Journal, keep_days: float) -> bool:
    """Add the days of events that come, drop those that are old, and delete a batch of each other
    kind; events only if `keep_days` is not 0. Returns whether there may be more. Raises HeadLocked,
    SQLAlchemyError."""
    moment = datetime.now(UTC)
    if keep_days:
        journal.add_days()
        journal.drop_days(moment - timedelta(days=keep_days))
    counts = {
        "events": journal.prune(moment - timedelta(days=keep_days)) if keep_days else 0,
        "joined_rooms": joined.prune(database, moment - timedelta(days=keep_days + 1), BATCH_ROWS)
        if keep_days
        else 0,
        "revocations": revocation.prune(database, BATCH_ROWS),
        "inbox_ids": _prune_inbox_ids(database, moment - IDS_KEPT),
    }
    if any(counts.values()):
        logger.info("pruned", extra=counts)
    return max(counts.values()) >= BATCH_ROWS


def _prune_inbox_ids(database: Database, before: datetime) -> int:
    id, created_at = INBOX_IDS.c.id, INBOX_IDS.c.created_at
    old = select(id).where(created_at < before).limit(BATCH_ROWS)
    with database.writing() as connection:
        return connection.execute(delete(INBOX_IDS).where(id.in_(old))).rowcount

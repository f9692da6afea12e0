"""A journal that lost positions is given up: it goes on under another name.

Clients carry the journal's name in their `pid`; under another name nobody from before is recovered.
Offsets carry none, so the new journal's positions begin far above the old one's, and an offset from
before counts as older than anything kept. So no position is given twice.
"""

import logging
from uuid import uuid4

from app.db import transaction
from ordercast.journal.locking import limit_lock, lock_head
from ordercast.journal.models import JournalHead
from ordercast.journal.reading import Head
from ordercast.metrics import JOURNAL_RESTARTS

logger = logging.getLogger(__name__)

GAP = 10_000  # positions; other processes may have seen more than the mark says


def restart_if_lost(head: JournalHead, known: int) -> None:
    """The head is locked. If its journal was further than it is, let it begin anew."""
    if known <= head.position:
        return
    name = uuid4().hex
    logger.error(
        "the journal went back, as after a failover or restoring a backup; it has a new name",
        extra={"was": head.journal, "now": name, "known": known, "head": head.position},
    )
    head.journal = name
    head.position = known + GAP
    head.lowest = head.position + 1
    JOURNAL_RESTARTS.inc()


def restart(journal: str, known: int) -> Head:
    """The same in a transaction of its own, and only if the journal still has this name; another
    process may have been faster. Returns the head afterwards. Raises HeadLocked."""
    with transaction() as session:
        limit_lock(session)
        row = lock_head(session)
        if row.journal == journal:
            restart_if_lost(row, known)
        return Head(row.position, row.lowest, row.journal)

"""A journal that lost positions is given up: it goes on under another name.

Clients carry the journal's name in their `pid`; under another name none of them is recovered.
Offsets carry none, so the new journal's positions begin far above the old one's, and an offset from
before counts as older than anything kept. So no position is given twice.
"""

import logging
from uuid import uuid4

from sqlalchemy import Connection

from ordercast.journal.locking import limit_lock, lock_head, move_head
from ordercast.journal.reading import Head
from ordercast.metrics import JOURNAL_RESTARTS

logger = logging.getLogger(__name__)

GAP = 10_000  # positions; other processes may have seen more than the mark says


def restart_if_lost(connection: Connection, head: Head, known: int) -> Head:
    """Give the journal another name if it was further (`known`) than its head, which is locked
    -> the head."""
    if known <= head.position:
        return head
    name = uuid4().hex
    logger.error(
        "the journal went back, as after a failover or restoring a backup; it has a new name",
        extra={"was": head.journal, "now": name, "known": known, "head": head.position},
    )
    JOURNAL_RESTARTS.inc()
    begun = Head(known + GAP, known + GAP + 1, name)
    move_head(connection, begun)
    return begun


def restart(connection: Connection, journal: str, known: int) -> Head:
    """Lock the head, then as restart_if_lost, but only while the journal has this name: another
    process may have renamed it already. Returns the head. Raises HeadLocked."""
    limit_lock(connection)
    head = lock_head(connection)
    return restart_if_lost(connection, head, known) if head.journal == journal else head

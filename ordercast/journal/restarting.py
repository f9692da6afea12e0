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
# Positions, where nothing is known of how far the journal was: more than are given in any time
# between a backup and now. JavaScript's numbers are exact up to 9,000 times as many.
UNKNOWN_GAP = 1_000_000_000_000


def restart_if_lost(connection: Connection, head: Head, known: int) -> Head:
    """Give the journal another name if it was further (`known`) than its head, which is locked
    -> the head."""
    if known <= head.position:
        return head
    begun = _begun(known + GAP)
    logger.error(
        "the journal went back, as after a failover or restoring a backup; it has a new name",
        extra={"was": head.journal, "now": begun.journal, "known": known, "head": head.position},
    )
    JOURNAL_RESTARTS.inc()
    move_head(connection, begun)
    return begun


def restart(connection: Connection, journal: str, known: int) -> Head:
    """Lock the head, then as restart_if_lost, but only while the journal has this name: another
    process may have renamed it already. Returns the head. Raises HeadLocked."""
    limit_lock(connection)
    head = lock_head(connection)
    return restart_if_lost(connection, head, known) if head.journal == journal else head


def rename(connection: Connection) -> Head:
    """Lock the head, and give the journal another name, however far it was before -> the head
    afterwards. For a database that was restored where nothing else remembers the journal, and for
    one that was copied. Raises HeadLocked."""
    limit_lock(connection)
    begun = _begun(lock_head(connection).position + UNKNOWN_GAP)
    move_head(connection, begun)
    return begun


def _begun(position: int) -> Head:
    """The head of a new journal, which has given no position up to this one."""
    return Head(position, position + 1, uuid4().hex)

"""Sequencing and publishing: from committed to announced."""

import logging
from collections.abc import Callable

import orjson
import redis

from app import journal
from app.broker import reason
from app.journal import Entry, Head
from app.metrics import EVENTS_SEQUENCED, PUBLISH_FAILURES

logger = logging.getLogger(__name__)

Publish = Callable[[bytes], object]  # raises redis.RedisError


def sequence_once(publish: Publish, limit: int = journal.BATCH) -> int:
    """Give up to `limit` committed events their positions, commit, then publish them as one
    message. Returns how many.

    A failed publish is logged and counted and not repeated: followers notice the gap, or the
    silence, and read the journal.
    """
    if not journal.is_due():
        return 0
    head, entries = journal.sequence(limit)
    if entries:  # another sequencer may have been faster
        EVENTS_SEQUENCED.inc(len(entries))
        logger.debug("sequenced", extra={"count": len(entries), "head": head.position})
        _announce(publish, head, entries)
    return len(entries)


def announce_head(publish: Publish) -> None:
    """Say where the journal is, for followers that missed something."""
    _announce(publish, journal.head(), [])


def _announce(publish: Publish, head: Head, entries: list[Entry]) -> None:
    message = {
        "journal": head.journal,
        "head": head.position,
        "events": [list(entry) for entry in entries],
    }
    try:
        publish(orjson.dumps(message))
    except redis.RedisError as exc:
        PUBLISH_FAILURES.labels("journal").inc()
        logger.warning(
            "publish failed; followers will read the journal",
            extra={"head": head.position, "count": len(entries), "error": reason(exc)},
        )

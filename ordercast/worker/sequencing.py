"""Sequencing and publishing: from committed to announced."""

import logging
from collections.abc import Callable

import orjson
import redis

from ordercast import journal
from ordercast.broker import reason
from ordercast.journal import Entry, Head, Marks
from ordercast.metrics import EVENTS_SEQUENCED, PUBLISH_FAILURES

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 1_048_576  # of data in one message, unless a single event has more

Publish = Callable[[bytes], object]  # raises redis.RedisError


def sequence_once(publish: Publish, limit: int = journal.BATCH, marks: Marks | None = None) -> int:
    """Give up to `limit` committed events their positions, commit, then publish them. Returns how
    many.

    A failed publish is logged and counted and not repeated: followers notice the gap, or the
    silence, and read the journal.
    """
    count = 0
    while count < limit and (after := journal.waiting_after()) is not None:
        head, entries = journal.sequence(limit - count, marks, after=after)
        if entries:  # another sequencer may have been faster
            EVENTS_SEQUENCED.inc(len(entries))
            logger.debug("sequenced", extra={"count": len(entries), "head": head.position})
            _publish(publish, head, entries)
        count += len(entries)
        if sum(len(entry.data) for entry in entries) < journal.BATCH_BYTES // 4:
            break  # not cut short for its bytes: who comes later has waited for no step
    return count


def announce_head(publish: Publish, marks: Marks | None = None) -> None:
    """Say where the journal is, for followers that missed something. Raises HeadLocked."""
    head = journal.head()
    if marks is not None:
        if marks.known(head.journal) > head.position:
            head = journal.restart(head.journal, marks.known(head.journal))
        marks.note(head.journal, head.position)
    _announce(publish, head, [])


def _publish(publish: Publish, head: Head, entries: list[Entry]) -> None:
    """One message for all, or several for many bytes: each process reads a message whole. A
    message's head is its last entry: a higher one would say that the rest was lost."""
    part: list[Entry] = []
    size = 0
    for entry in entries:
        if part and size + len(entry.data) > MESSAGE_BYTES:
            _announce(publish, head._replace(position=part[-1].position), part)
            part, size = [], 0
        part.append(entry)
        size += len(entry.data)
    _announce(publish, head, part)


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

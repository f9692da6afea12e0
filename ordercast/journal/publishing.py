"""Publishing to the web processes' journal channel."""

import logging
import time

import redis

from ordercast.broker import Broker, reason
from ordercast.journal.batches import Batches
from ordercast.journal.marks import Marks

logger = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 1.0


class Publisher:
    """Publishes, or raises redis.RedisError. After a failure it raises at once for a while: a
    Redis that hangs must not hold up the sequencing, on which everything waits.

    With `marks`, each message also raises the journal's mark in Redis; with `batches`, it notes
    when positions were given.
    """

    def __init__(
        self, broker: Broker, marks: Marks | None = None, batches: Batches | None = None
    ) -> None:
        self._marks = marks
        self._batches = batches
        self._redis = broker.connect()
        self._channel = broker.journal_channel
        self._wait = FIRST_WAIT_SECONDS
        self._not_before = 0.0  # monotonic seconds

    def __call__(self, message: bytes) -> None:
        if time.monotonic() < self._not_before:
            self._failed()
            raise redis.ConnectionError("Redis did not answer a moment ago")
        try:
            self._publish(message)
        except redis.RedisError:
            self._failed()
            self._not_before = time.monotonic() + self._wait
            self._wait = min(self._wait * 2, LONGEST_WAIT_SECONDS)
            raise
        self._wait = FIRST_WAIT_SECONDS

    def _publish(self, message: bytes) -> None:
        latest = "" if self._marks is None else self._marks.latest
        if self._marks is None or not latest:
            self._redis.publish(self._channel, message)
            return
        # Raise the mark first: no process then knows a position above it. Raising may fail alone,
        # where Redis is full or read-only.
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.eval(*self._marks.raising(latest))
        pipeline.publish(self._channel, message)
        noted = None if self._batches is None else self._batches.note(pipeline)
        mark, published, *_ = pipeline.execute(raise_on_error=False)
        if isinstance(published, redis.RedisError):
            raise published
        if isinstance(mark, redis.RedisError):
            logger.warning("the journal's mark was not written", extra={"error": reason(mark)})
        else:
            self._marks.heard(latest, mark)
        if self._batches is not None and noted is not None:
            # Also if Redis refused the note: another sequencer's, of later positions, was faster.
            self._batches.written(noted)

    def _failed(self) -> None:
        if self._batches is not None:
            self._batches.failed()

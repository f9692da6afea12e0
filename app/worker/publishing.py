"""Publishing to the web processes' journal channel."""

import time

import redis

from app.broker import Broker

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 1.0


class Publisher:
    """Publishes, or raises redis.RedisError. After a failure it raises at once for a while: a
    Redis that hangs must not hold up the sequencing, on which everything waits."""

    def __init__(self, broker: Broker) -> None:
        self._redis = broker.connect()
        self._channel = broker.journal_channel
        self._wait = FIRST_WAIT_SECONDS
        self._not_before = 0.0  # monotonic seconds

    def __call__(self, message: bytes) -> None:
        if time.monotonic() < self._not_before:
            raise redis.ConnectionError("Redis did not answer a moment ago")
        try:
            self._redis.publish(self._channel, message)
        except redis.RedisError:
            self._not_before = time.monotonic() + self._wait
            self._wait = min(self._wait * 2, LONGEST_WAIT_SECONDS)
            raise
        self._wait = FIRST_WAIT_SECONDS

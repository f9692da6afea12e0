"""Which worker drains the inbox: a lease in Redis, so that the others do not read the same entries
for nothing.

A hint and no lock: workers that drain at the same time do no harm (drain.py). A worker that is
killed or hangs does not renew the lease, and another takes it when it has run out.
"""

import time
from typing import Any
from uuid import uuid4

import redis

from ordercast.broker import Broker, Redis

LEASE_MS = 1500
RENEW_SECONDS = 0.5  # and of the inbox no step blocks for longer

TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
LEAVE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class Lease:
    """One worker's view of the lease. In one thread."""

    def __init__(self, client: Redis, broker: Broker, *, lease_ms: int = LEASE_MS) -> None:
        self._redis = client
        self._key = broker.inbox_lease
        self._lease_ms = lease_ms
        self._name = uuid4().hex
        self._renew_at = 0.0  # monotonic seconds

    def take(self) -> bool:
        """Whether this worker has the lease, which is taken if nobody has it, and renewed. Raises
        redis.RedisError."""
        moment = time.monotonic()
        if moment < self._renew_at:
            return True
        try:
            taken: Any = self._redis.eval(TAKE, 1, self._key, self._name, self._lease_ms)
        except redis.ResponseError:
            # Redis is full, or forbids the key: drain all the same, which makes place.
            return True
        self._renew_at = moment + RENEW_SECONDS if taken else 0.0
        return bool(taken)

    def leave(self) -> None:
        """Let another worker have the lease at once. Raises redis.RedisError."""
        self._renew_at = 0.0
        self._redis.eval(LEAVE, 1, self._key, self._name)

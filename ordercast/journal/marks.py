"""High-water marks: how far each journal was, so that no position is given twice.

A database can lose what it had committed: a failover to a replica that lags, a backup restored. The
sequencer compares the head with the mark before it gives positions. A mark is kept in the memory of
every process and in a hash of Redis, by the journal's name; a process with a higher mark raises it.
"""

import logging
import threading
import time
from typing import Any

import redis

from ordercast.broker import Broker, reason

logger = logging.getLogger(__name__)

# Raises a mark, and never lowers it: messages of two sequencers may overtake each other. Returns
# the highest.
RAISE = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and tonumber(known) >= tonumber(ARGV[2]) then return known end
if tonumber(ARGV[2]) > 0 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return ARGV[2]
"""
# How long a sequencer that has just started, and finds no mark in Redis, waits for one: each web
# process writes its own every second.
PATIENCE_SECONDS = 3.0
ASKED = "mark asked for"  # in a pooled connection's info: by which Marks


class Marks:
    """The marks that this process knows."""

    def __init__(self, broker: Broker) -> None:
        self._redis = broker.connect()
        self._key = f"{broker.prefix}:journals"
        self._known: dict[str, int] = {}
        self.latest = ""  # the journal that was noted last: the database's own
        self._lock = threading.Lock()
        self._patient_until = time.monotonic() + PATIENCE_SECONDS

    def known(self, journal: str) -> int:
        """The highest position of this journal that this process knows; 0 if it knows none."""
        return self._known.get(journal, 0)

    def note(self, journal: str, position: int) -> None:
        """Note that this position has been committed."""
        with self._lock:
            self._known[journal] = max(position, self.known(journal))
            self.latest = journal

    def raising(self, journal: str) -> tuple[Any, ...]:
        """The arguments of an EVAL that tells Redis, for a pipeline. Its answer goes to heard()."""
        return (RAISE, 1, self._key, journal, self.known(journal))

    def heard(self, journal: str, answer: bytes) -> None:
        self.note(journal, int(answer))

    def share(self, journal: str) -> None:
        """Tell Redis, and learn from it. Raises redis.RedisError."""
        self.heard(journal, self._redis.eval(*self.raising(journal)))

    def settle(self, journal: str, connection_info: dict[Any, Any]) -> bool:
        """Ask Redis, once for each connection to the database: another server, or a database that
        was restored, is reached over a new connection. -> False while a mark may still come in."""
        if connection_info.get(ASKED) is self:
            return True
        try:
            self.share(journal)
        except redis.RedisError as exc:
            logger.warning("the journal's mark was not read", extra={"error": reason(exc)})
        if not self.known(journal) and time.monotonic() < self._patient_until:
            return False
        connection_info[ASKED] = self
        return True

"""The loop of the inbox, of which one worker at a time has the lease."""

import logging
import threading

import redis
from flask import Flask

from ordercast.broker import reason
from ordercast.inbox.drain import Drain
from ordercast.inbox.lease import Lease
from ordercast.journal import Journal
from ordercast.worker.loop import Loop

logger = logging.getLogger(__name__)

BLOCK_MS = 500  # how long a worker that is asked to stop may still wait for an entry
STANDBY_SECONDS = 0.5  # between two tries to get the lease
LONGEST_SECONDS = 2.0  # between tries of a step that keeps failing


class DrainLoop(Loop):
    """Drains while this worker has the lease, which is left to another at the end."""

    def __init__(
        self, app: Flask, drain: Drain, lease: Lease, *, journal: Journal, stop: threading.Event
    ) -> None:
        super().__init__(
            app,
            "inbox",
            lambda: lease.take() and drain.step(block_ms=BLOCK_MS),
            STANDBY_SECONDS,
            journal=journal,
            stop=stop,
            longest=LONGEST_SECONDS,
        )
        self._lease = lease

    def run(self) -> None:
        super().run()
        try:
            self._lease.leave()
        except redis.RedisError as exc:
            logger.warning("the lease of the inbox was not left", extra={"error": reason(exc)})

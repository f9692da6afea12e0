"""Gauges of this process that are noted every few seconds, for the process that is asked may be
another: bytes that wait for clients, the pool of database connections, and the database's clock."""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ordercast.database import Database
from ordercast.journal import Clock
from ordercast.metrics import (
    BACKLOG_BYTES,
    BACKLOG_MAX_BYTES,
    CLOCK_AHEAD,
    POOL_CONNECTIONS,
    POOL_MAX,
    PROCESSES,
)

logger = logging.getLogger(__name__)

SECONDS = 3.0
CLOCK_SECONDS = 30.0  # between two questions for the database's time


class Vitals:
    """`backlogs` returns how many bytes wait for each client of this process."""

    def __init__(
        self, database: Database, clock: Clock, backlogs: Callable[[], Iterable[int]]
    ) -> None:
        self._database = database
        self._clock = clock
        self._backlogs = backlogs
        self._ask_clock_at = 0.0  # monotonic seconds

    def start(self) -> None:
        """Note them for ever, in a thread (in a web process: a greenlet)."""
        PROCESSES.set(1)
        threading.Thread(target=self._run, name="vitals", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.note()
            except SQLAlchemyError as exc:
                logger.warning("the database's clock is not known", exc_info=exc)
            pause.wait(SECONDS)

    def note(self) -> None:
        """Raises SQLAlchemyError."""
        most = total = 0
        for size in self._backlogs():
            total += size
            most = max(most, size)
        BACKLOG_BYTES.set(total)
        BACKLOG_MAX_BYTES.set(most)
        if time.monotonic() >= self._ask_clock_at:
            self._ask_clock_at = time.monotonic() + CLOCK_SECONDS
            CLOCK_AHEAD.set(self._clock.ask())
        pool = self._database.engine.pool
        if isinstance(pool, QueuePool):
            POOL_CONNECTIONS.labels("in_use").set(pool.checkedout())
            POOL_CONNECTIONS.labels("idle").set(pool.checkedin())
            POOL_MAX.set(pool.size() + max(0, pool._max_overflow))

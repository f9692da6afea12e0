"""Gauges of this process that are noted every few seconds, for the process that is asked may be
another: bytes that wait for clients, and the pool of database connections."""

import logging
import threading
from collections.abc import Callable, Iterable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ordercast.database import Database
from ordercast.metrics import (
    BACKLOG_BYTES,
    BACKLOG_MAX_BYTES,
    POOL_CONNECTIONS,
    POOL_MAX,
    PROCESSES,
)

logger = logging.getLogger(__name__)

SECONDS = 3.0


class Vitals:
    """`backlogs` returns how many bytes wait for each client of this process."""

    def __init__(self, database: Database, backlogs: Callable[[], Iterable[int]]) -> None:
        self._database = database
        self._backlogs = backlogs

    def start(self) -> None:
        """Note them for ever, in a thread (in a web process: a greenlet)."""
        PROCESSES.set(1)
        threading.Thread(target=self._run, name="vitals", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.note()
            except SQLAlchemyError as exc:  # of the team's engine, at its first use
                logger.warning("metrics of this process not noted", exc_info=exc)
            pause.wait(SECONDS)

    def note(self) -> None:
        """Raises SQLAlchemyError."""
        most = total = 0
        for size in self._backlogs():
            total += size
            most = max(most, size)
        BACKLOG_BYTES.set(total)
        BACKLOG_MAX_BYTES.set(most)
        pool = self._database.engine.pool
        if isinstance(pool, QueuePool):
            POOL_CONNECTIONS.labels("in_use").set(pool.checkedout())
            POOL_CONNECTIONS.labels("idle").set(pool.checkedin())
            POOL_MAX.set(pool.size() + max(0, pool._max_overflow))

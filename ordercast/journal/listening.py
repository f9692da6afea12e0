"""Listening to PostgreSQL: `ordercast_append()` wakes the sequencers by NOTIFY.

A hint, as the doorbell is: sequencers poll as well. Through a pooler that shares its sessions
between transactions, as PgBouncer in transaction mode, LISTEN succeeds and nothing is ever heard.
So each connection is tried out, with a NOTIFY from another one.
"""

import logging
import threading
import time
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ordercast.database import Database, explain

logger = logging.getLogger(__name__)

CHANNEL = "ordercast_events"  # of a database: other databases have their own
LISTEN = f"LISTEN {CHANNEL}"
LISTEN_SECONDS = 1.0  # one wait for a notification
TRIAL_SECONDS = 5.0  # for the notification of our own to come
IDLE_SECONDS = 5.0  # without a notification; then the server is asked
RETRY_SECONDS = 1.0
DEAF_SECONDS = 60.0  # until the next trial, where nothing was heard


class Listener(threading.Thread):
    """Sets `rung` at each notification, until `stop` is set. Ends at once on a database without
    NOTIFY."""

    def __init__(
        self,
        database: Database,
        rung: threading.Event,
        *,
        stop: threading.Event,
        trial_seconds: float = TRIAL_SECONDS,
        deaf_seconds: float = DEAF_SECONDS,
    ) -> None:
        super().__init__(name="listen", daemon=True)  # nothing here must be finished
        self._database = database
        self._rung = rung
        self._stop_asked = stop
        self._trial_seconds = trial_seconds
        self._deaf_seconds = deaf_seconds
        self._is_deaf = self._is_failing = False  # known and logged

    def run(self) -> None:
        if self._database.dialect != "postgresql":
            return
        while not self._stop_asked.is_set():
            pause = RETRY_SECONDS
            try:
                with self._database.alone() as connection:
                    self._listen(connection)
                pause = self._deaf_seconds
            except SQLAlchemyError as exc:
                if not self._is_failing:
                    logger.warning("notifications not heard; polling", extra={"error": _line(exc)})
                self._is_failing = True
            self._stop_asked.wait(pause)

    def _listen(self, connection: Connection) -> None:
        """Returns if nothing can be heard. Raises SQLAlchemyError."""
        connection.exec_driver_sql(LISTEN)
        self._database.require_writable(connection)
        self._is_failing = False
        if not self._hears(connection):
            if not self._is_deaf:
                logger.warning(
                    "LISTEN hears nothing, as through a pooler in transaction mode; polling"
                )
            self._is_deaf = True
            return
        if self._is_deaf:
            logger.info("LISTEN hears notifications again")
        self._is_deaf = False
        heard_at = time.monotonic()
        while not self._stop_asked.is_set():
            heard = _notifications(connection, LISTEN_SECONDS)
            # After a failover another server takes the commits, and notifies.
            self._database.require_writable(connection)
            if heard:
                self._rung.set()
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > IDLE_SECONDS:
                # Raises on a dead connection. The server says only with an answer that it takes no
                # changes any more.
                connection.exec_driver_sql(LISTEN)
                heard_at = time.monotonic()

    def _hears(self, connection: Connection) -> bool:
        # A token: a pooler may hand over what another transaction of the session has been told.
        token = uuid4().hex
        notify = text("SELECT pg_notify(:channel, :token)")
        with self._database.writing() as other:
            other.execute(notify, {"channel": CHANNEL, "token": token})
        deadline = time.monotonic() + self._trial_seconds
        while time.monotonic() < deadline and not self._stop_asked.is_set():
            if token in _notifications(connection, LISTEN_SECONDS):
                self._rung.set()  # what was committed before, nobody heard
                return True
        return self._stop_asked.is_set()


def _notifications(connection: Connection, seconds: float) -> list[str]:
    """The payloads of the notifications that come, with the first, within `seconds`. Raises
    DBAPIError."""
    driver: Any = connection.connection.dbapi_connection  # detached: it has no driver_connection
    try:
        return [one.payload for one in driver.notifies(timeout=seconds, stop_after=1)]
    except connection.dialect.dbapi.Error as exc:  # type: ignore[union-attr]
        raise DBAPIError("LISTEN", None, exc) from exc


def _line(error: SQLAlchemyError) -> str:
    found = explain(error)
    return found[1] if found else str(error)

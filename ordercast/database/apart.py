"""The team's database over a few connections of the library's own, beside those of the requests.

A request that emits while its session holds a connection, or all requests together the whole pool,
must not wait for a connection that only they could give back.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, exc

from ordercast.database.access import Database
from ordercast.database.engine import IN_MEMORY, give_up_stale
from ordercast.database.sqlite import set_busy_seconds

MAX_EMITTING = 4  # connections of one process
WAIT_SECONDS = 5.0  # for one of them
# How long a writer waits for the lock of SQLite's file: the request that calls may hold it.
BUSY_SECONDS = 0.25


class Apart(Database):
    """`team` returns the team's engine; its pool is copied with all that connects and checks a
    connection. Made anew after a fork."""

    def __init__(self, team: Callable[[], Engine]) -> None:
        super().__init__(lambda: _beside(team()))
        self._free = threading.BoundedSemaphore(MAX_EMITTING)
        self._made_in = 0  # process id
        self._making = threading.Lock()

    @property
    def engine(self) -> Engine:
        with self._making:
            if self._made_in != os.getpid():
                self._engine, self._made_in = None, os.getpid()
            return super().engine

    @contextmanager
    def writing(self, *, busy_seconds: float = BUSY_SECONDS) -> Iterator[Connection]:
        """As Database.writing(), for at most `busy_seconds` of another writer on SQLite. Raises
        SQLAlchemyError."""
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise exc.TimeoutError(f"{MAX_EMITTING} emits are waiting for the database")
        try:
            engine = self.engine.execution_options(busy_seconds=busy_seconds)
            with self._begin(engine) as connection:
                yield connection
        finally:
            self._free.release()


def _beside(team: Engine) -> Engine:
    if isinstance(team.pool, IN_MEMORY):
        return team
    engine = Engine(
        team.pool.recreate(),
        team.dialect,
        team.url,
        execution_options=team.get_execution_options(),
        hide_parameters=True,
    )
    event.listen(team, "engine_disposed", lambda _team: engine.dispose())
    event.listen(engine, "handle_error", give_up_stale)
    if team.dialect.name == "sqlite":
        event.listen(engine, "begin", _set_busy_seconds)
    return engine


def _set_busy_seconds(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    set_busy_seconds(driver, connection.get_execution_options().get("busy_seconds", BUSY_SECONDS))

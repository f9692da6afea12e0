"""SQLite as PostgreSQL behaves: a transaction that writes begins with its lock.

`BEGIN IMMEDIATE` makes two writers queue as they do on PostgreSQL's row locks, instead of failing
half way (https://www.sqlite.org/lang_transaction.html, section 2.2). SQLite's own wait for another
writer, `busy_timeout`, blocks the thread and with it every client of a gevent process: the wait is
done here, in sleeps during which other greenlets run.
"""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import exc
from sqlalchemy.engine import Connection

T = TypeVar("T")
BUSY_SECONDS = 10.0  # how long a statement waits for another writer
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.001, 0.01
LOCKED = "database is locked"


class PatientConnection(sqlite3.Connection):
    """Tries a statement again while another connection holds the lock, for `busy_seconds`."""

    def __init__(self, database: Any, timeout: float = BUSY_SECONDS, **options: Any) -> None:
        super().__init__(database, timeout=0, **options)
        self.default_busy_seconds = self.busy_seconds = timeout

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or PatientCursor)

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        return self.cursor().executemany(sql, parameters)

    def executescript(self, script: str, /) -> Any:
        return self.cursor().executescript(script)

    def commit(self) -> None:
        self.retry(super().commit)

    def retry(self, attempt: Callable[[], T], may_repeat: Callable[[], bool] = lambda: True) -> T:
        """Call `attempt` until no lock is in its way. Raises sqlite3.OperationalError after
        `busy_seconds`, or when `may_repeat` says that an attempt was made in part."""
        deadline = time.monotonic() + self.busy_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return attempt()
            except sqlite3.OperationalError as error:
                is_over = time.monotonic() >= deadline
                if is_over or not _may_pass(error) or not may_repeat():
                    raise
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


class PatientCursor(sqlite3.Cursor):
    connection: PatientConnection

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        try:
            return super().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if not _may_pass(error):
                raise
        run = super().execute
        return self.connection.retry(lambda: run(sql, parameters))

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        run, rows, connection = super().executemany, list(parameters), self.connection
        before = connection.total_changes
        # After the first rows another attempt would write them twice.
        return connection.retry(lambda: run(sql, rows), lambda: connection.total_changes == before)

    def executescript(self, script: str, /) -> Any:
        # No attempt tells how far a script came: SQLite itself waits.
        super().execute(f"PRAGMA busy_timeout = {round(self.connection.busy_seconds * 1000)}")
        try:
            return super().executescript(script)
        finally:
            super().execute("PRAGMA busy_timeout = 0")


def _may_pass(error: sqlite3.OperationalError) -> bool:
    """Whether waiting can help. A snapshot over which another connection has written stays
    stale."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT


class Turn:
    """Lets the writers of one process through one after the other: the first waits for the file's
    lock; the others wait here, and hold no connection of the pool meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Raises sqlalchemy.exc.OperationalError, as the file's lock does."""
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            error = sqlite3.OperationalError(LOCKED)
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise exc.OperationalError("BEGIN IMMEDIATE", None, error)
        try:
            yield
        finally:
            self._lock.release()


def create_private(_dialect: object, _record: object, arguments: Any, _options: object) -> None:
    """Create the file for this user alone: SQLite would make it readable for everybody. The files
    beside it get its mode."""
    if not arguments or arguments[0].startswith((":", "file:")):
        return
    with suppress(OSError):  # the file exists, or SQLite says why it cannot be made
        os.close(os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def on_connect(connection: PatientConnection, _record: object) -> None:
    # SQLite stores text that is no UTF-8 from any program; one such row must not fail a whole read.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    connection.isolation_level = None  # the driver begins nothing by itself: `begin` does
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a committed event survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")


def be_patient(_dialect: object, _record: object, _arguments: object, options: Any) -> None:
    """Make the connections of a team's engine PatientConnections, unless they have a class of the
    team's own. Its `timeout` holds."""
    options.setdefault("factory", PatientConnection)


def reset_patience(connection: Connection) -> None:
    """As `begin` below, on a team's engine: the execution option `busy_seconds` holds for one
    transaction."""
    driver = connection.connection.driver_connection
    if isinstance(driver, PatientConnection):
        options = connection.get_execution_options()
        driver.busy_seconds = options.get("busy_seconds", driver.default_busy_seconds)


def set_busy_seconds(driver: sqlite3.Connection, seconds: float) -> None:
    """How long the statements of a connection wait for another writer."""
    if isinstance(driver, PatientConnection):
        driver.busy_seconds = seconds
    else:
        driver.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def lock(connection: Connection) -> None:
    """Begin with the file's lock on an engine without `begin` below: there Python's driver begins
    at the first change, and what was read before it another process may have changed."""
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def begin(connection: Connection) -> None:
    """Execution options: `begin`, the mode; `busy_seconds`, how long its statements may wait."""
    options = connection.get_execution_options()
    driver: Any = connection.connection.driver_connection
    driver.busy_seconds = options.get("busy_seconds", driver.default_busy_seconds)
    connection.exec_driver_sql(f"BEGIN {options.get('begin', 'DEFERRED')}")

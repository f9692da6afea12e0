"""The kind of outage that a database error means, if it means one.

One table for both databases (https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://www.sqlite.org/rescode.html), read by HTTP, sockets, worker, commands, health and the log.
"""

import sqlite3
from enum import StrEnum
from typing import Any

from sqlalchemy import exc

MAX_ERROR_CHARACTERS = 300  # of a driver's error that a log line shows


class Outage(StrEnum):
    """Why the database cannot be used; the value says it in the log, in readyz and in doctor."""

    UNAVAILABLE = "unavailable"
    READ_ONLY = "read-only"
    FULL = "disk full"
    DAMAGED = "storage error"
    BUSY = "busy"
    SHARED_SESSION = "shared session"  # a pooler gave this client another client's session


# Outages after which a database session is not used again: a fresh one may reach another server.
STALE = frozenset(Outage) - {Outage.BUSY}
# Outages after which the whole pool is given up: its other sessions lead to the same server.
ALL_STALE = frozenset({Outage.UNAVAILABLE, Outage.READ_ONLY})

POSTGRES = {
    "25006": Outage.READ_ONLY,  # read_only_sql_transaction
    "25P03": Outage.UNAVAILABLE,  # idle_in_transaction_session_timeout
    "25P04": Outage.UNAVAILABLE,  # transaction_timeout
    "26000": Outage.SHARED_SESSION,  # prepared statement does not exist
    "42P05": Outage.SHARED_SESSION,  # prepared statement already exists
    "53100": Outage.FULL,
    "57014": Outage.BUSY,  # statement_timeout
}
POSTGRES_CLASSES = {
    "08": Outage.UNAVAILABLE,
    "40": Outage.BUSY,  # serialization failure, deadlock
    "53": Outage.BUSY,  # out of memory, too many connections
    "55": Outage.BUSY,  # lock_timeout
    "57": Outage.UNAVAILABLE,  # shut down, starting up, crashed
    "58": Outage.DAMAGED,
}
SQLITE = {
    sqlite3.SQLITE_BUSY: Outage.BUSY,
    sqlite3.SQLITE_LOCKED: Outage.BUSY,
    sqlite3.SQLITE_READONLY: Outage.READ_ONLY,
    sqlite3.SQLITE_IOERR: Outage.DAMAGED,
    sqlite3.SQLITE_CORRUPT: Outage.DAMAGED,
    sqlite3.SQLITE_NOTADB: Outage.DAMAGED,
    sqlite3.SQLITE_FULL: Outage.FULL,
}
POOLER = (
    "the pooler in front of the database shares its sessions, and with them prepared statements:"
    " the engine has to use none, engine_options(url, prepare=False)"
)
INVALIDATED = "8s2b"  # SQLAlchemy's code for using a session whose connection was given up


def outage(error: BaseException | None) -> Outage | None:
    """Why the database cannot be used, by this error; None if the error says nothing of it."""
    if isinstance(error, exc.TimeoutError):
        return Outage.BUSY  # every connection of the pool is in use
    if isinstance(error, exc.PendingRollbackError):
        return Outage.UNAVAILABLE if error.code == INVALIDATED else None
    if not isinstance(error, exc.DBAPIError):
        return None
    found = outage_of_driver(error.orig)
    if found is None and isinstance(error, exc.OperationalError | exc.InterfaceError):
        return Outage.UNAVAILABLE
    return found


def outage_of_driver(error: Any) -> Outage | None:
    """As outage(), for a driver's own error, by its code."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)  # psycopg 3 and 2
    if state:
        return POSTGRES.get(state) or POSTGRES_CLASSES.get(state[:2])
    return SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)  # the rest is detail


def explain(error: BaseException | None) -> tuple[Outage, str] | None:
    """(kind, one line without the statement) of an error that is an outage, to be logged without
    the traceback, which would be the same for every request; None for another error."""
    kind = outage(error)
    if kind is None:
        return None
    if kind is Outage.SHARED_SESSION:
        return kind, POOLER
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return kind, line_of(cause)


def line_of(error: object) -> str:
    """A driver's error as one line."""
    return " ".join(str(error).split())[:MAX_ERROR_CHARACTERS]

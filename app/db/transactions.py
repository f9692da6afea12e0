"""The unit of work: `transaction()`, the only function that commits."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, SessionTransaction

from app.db.base import db
from app.extension import cast
from ordercast import Event

# Keys of a session's info:
OPEN = "transaction"  # present inside transaction(): the events that its end writes
BEGUN = "begun"  # connections of the open transaction: {Connection: row changes before it}


class UncommittedChanges(RuntimeError):
    """The session holds changes that would be lost: a mistake of the code, which HTTP answers with
    500 and the log shows with its traceback. Nothing is thrown away."""

    code = "uncommitted_changes"

    def __init__(self, changes: Iterable[str]) -> None:
        super().__init__(
            f"{self.code}: the session holds changes that would be lost: {', '.join(changes)};"
            " make them inside transaction(), or commit or roll them back before"
        )


@contextmanager
def transaction() -> Iterator[Session]:
    """A unit of work: commits when the block ends, rolls back when it raises.

    Rows read before the block are read again inside it. Raises UncommittedChanges when the session
    holds changes already: they belong inside the block. Transactions do not nest (RuntimeError): a
    service function opens a transaction, and the functions that it calls work inside.
    """
    session = db.session()
    if in_transaction():
        raise RuntimeError("transaction() inside a transaction(): pass the session down instead")
    release()
    announced: list[tuple[Event, object]] = []
    session.info[OPEN] = announced
    try:
        with cast.turn():
            try:
                session.connection(execution_options={"begin": "IMMEDIATE"})
                yield session
                _write(session, announced)
                session.commit()
            except BaseException:
                session.rollback()
                raise
    finally:
        del session.info[OPEN]


def in_transaction() -> bool:
    """Whether this context is inside transaction()."""
    return OPEN in db.session().info


def append(room: str, name: str, payload: dict[str, Any]) -> None:
    """Add a durable event to the transaction. Raises RuntimeError outside: an event and the change
    that it announces commit together or not at all."""
    session = db.session()
    if OPEN not in session.info:
        raise RuntimeError("append() outside of transaction()")
    if not session.in_nested_transaction():  # whose rollback would take them back
        _write(session, session.info[OPEN])
    cast.append(session, name, payload, to=room)


def announce(room: str, event: Event) -> None:
    """As append(), for several events of a transaction: they are written together, by its last
    statement. Raises RuntimeError inside a savepoint too: there append() is right."""
    session = db.session()
    if OPEN not in session.info or session.in_nested_transaction():
        raise RuntimeError("announce() outside of transaction(), or inside a savepoint")
    session.info[OPEN].append((event, room))


def _write(session: Session, announced: list[tuple[Event, object]]) -> None:
    if announced:
        session.flush()
        cast.append_all(session, announced)
        announced.clear()


def release() -> None:
    """End the session's reads, and give the connection back to the pool. Raises
    UncommittedChanges."""
    session = db.session()
    if lost := _uncommitted(session):
        raise UncommittedChanges(lost)
    session.rollback()


def note_begin(session: Session, _transaction: object, connection: Connection) -> None:
    """Remember each connection that joins a session's transaction, with its row changes so far."""
    begun = session.info.setdefault(BEGUN, {})
    for ended in [known for known in begun if known.closed]:
        del begun[ended]
    begun.setdefault(connection, _changes(connection))


def note_rollback(session: Session, ended: SessionTransaction) -> None:
    """Forget what was announced before a rollback of the whole transaction."""
    if not ended.nested:
        session.info.get(OPEN, []).clear()


def _uncommitted(session: Session) -> list[str]:
    if not session.in_transaction():
        return []  # every change of an object, and every statement, begins one
    changed = (one for one in session.dirty if session.is_modified(one))
    held = [
        *(f"a new {type(one).__name__}" for one in session.new),
        *(f"a changed {type(one).__name__}" for one in changed),
        *(f"a deleted {type(one).__name__}" for one in session.deleted),
    ]
    if not held:
        begun: dict[Connection, int] = session.info.get(BEGUN, {})
        if any(_has_written(connection, before) for connection, before in begun.items()):
            held = ["rows that were written, or locked, but not committed"]
    return held


def _has_written(connection: Connection, before: int) -> bool:
    if connection.closed or connection.invalidated or not connection.in_transaction():
        return False
    if connection.dialect.name == "sqlite":
        return _changes(connection) != before
    from psycopg.pq import TransactionStatus  # a process on SQLite starts sooner without psycopg

    driver: Any = connection.connection.driver_connection
    if driver.info.transaction_status != TransactionStatus.INTRANS:
        return False  # failed: its caller got the error, and no change is left to lose
    # PostgreSQL gives a transaction its id at the first write: no statement has to be parsed.
    return connection.scalar(text("SELECT txid_current_if_assigned()")) is not None


def _changes(connection: Connection) -> int:
    """Rows that a SQLite connection has changed so far; 0 on PostgreSQL, which does not count."""
    return int(getattr(connection.connection.driver_connection, "total_changes", 0))

"""Transactions that revoke, followed to their COMMIT: then the host's count changes, and this
process is told.

A session says when its COMMIT has returned. SQLAlchemy tells of a Connection's COMMIT before it is
sent: until it must be over, the processes of this host ask the table.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

from ordercast.database import Transaction, session_of
from ordercast.revocation.counter import HostCounter
from ordercast.revocation.rules import Mark

# In a session's info: the revocations of its open transaction ...
TOLD = "ordercast revoked"  # that this process is told of
WRITTEN = "ordercast revocations"  # and all that were written, also in savepoints rolled back
OLD = timedelta(minutes=1)  # a revocation that old is given the time of its COMMIT

Written = list[tuple[Mark, Connection]]


class Commits:
    """`tell` is called with each revocation that a session has committed, in its thread. `renew`
    gives revocations of a transaction the present time."""

    def __init__(
        self,
        counter: HostCounter,
        *,
        tell: Callable[[Mark], None],
        renew: Callable[[Connection, list[Mark]], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._counter = counter
        self._tell = tell
        self._renew = renew
        self._clock = clock
        self._written: WeakKeyDictionary[Connection, list[Mark]] = WeakKeyDictionary()

    def follow(self, transaction: Transaction, connection: Connection, mark: Mark) -> None:
        """Follow the transaction, in which the revocation was written over `connection`."""
        session = session_of(transaction)
        if session is None:
            self._watch(connection, [mark])
            self._counter.announce()  # in autocommit it is committed now
            return
        for name in (TOLD, WRITTEN):
            session.info.setdefault(name, []).append((mark, connection))
        if not event.contains(session, "after_commit", self._on_commit):
            event.listen(session, "before_commit", self._before_commit)
            event.listen(session, "after_commit", self._on_commit)
            event.listen(session, "after_soft_rollback", _on_rollback)
            event.listen(session, "after_transaction_end", _on_end)

    def _before_commit(self, session: Session) -> None:
        if session.in_nested_transaction():
            return  # a savepoint: the transaction may go on for long
        written: Written = session.info.get(WRITTEN, [])
        for mark, connection in written:
            self._renew_old(connection, [mark])

    def _on_commit(self, session: Session) -> None:
        if session.in_nested_transaction():
            return  # the transaction may still be rolled back
        written: Written = session.info.pop(WRITTEN, [])
        if any(not connection.in_transaction() for _, connection in written):
            self._counter.add()
        for mark, connection in written:
            if connection.in_transaction():
                # The session has joined a caller's transaction, and has committed nothing yet.
                self._watch(connection, [mark])
        told: Written = session.info.pop(TOLD, [])
        for mark, connection in told:
            if not connection.in_transaction():
                self._tell(mark)

    def _watch(self, connection: Connection, marks: list[Mark]) -> None:
        """Listen on this connection alone, once however many transactions it has."""
        self._written.setdefault(connection, []).extend(marks)
        if not event.contains(connection, "commit", self._on_connection_commit):
            event.listen(connection, "commit", self._on_connection_commit)
            event.listen(connection, "rollback", self._on_connection_rollback)

    def _on_connection_commit(self, connection: Connection) -> None:
        """SQLAlchemy calls this before COMMIT is sent. No process of this host is told: the table
        is read."""
        marks = self._written.pop(connection, None)
        if marks:
            self._renew_old(connection, marks)
            self._counter.announce()

    def _on_connection_rollback(self, connection: Connection) -> None:
        self._written.pop(connection, None)

    def _renew_old(self, connection: Connection, marks: list[Mark]) -> None:
        before = self._clock() - OLD
        if old := [mark for mark in marks if mark.at < before]:
            self._renew(connection, old)


def _on_rollback(session: Session, _ended: object) -> None:
    """Forget what this process is told of, also when a savepoint is rolled back: what is committed
    all the same is found in the table."""
    session.info.pop(TOLD, None)


def _on_end(session: Session, ended: SessionTransaction) -> None:
    """Forget all: after Session.close(), which is no rollback, the same session may commit another
    transaction."""
    if ended.parent is None:
        session.info.pop(TOLD, None)
        session.info.pop(WRITTEN, None)

"""Appending: the change and its events commit together or not at all.

The sequencers are woken once the transaction has committed. A savepoint that is released is no
commit, and a ring for nothing is harmless.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, event, insert
from sqlalchemy.orm import Session, SessionTransaction, scoped_session

from ordercast.captures import CapturedEvent, Captures
from ordercast.database import Database, Transaction
from ordercast.journal.doorbell import Doorbell
from ordercast.journal.tables import EVENTS
from ordercast.payloads import text_of

APPENDED = (
    "ordercast appended"  # in a session's info: the doorbell of the events in its open transaction
)


class Appender:
    """Writes events into transactions that callers have open."""

    def __init__(self, database: Database, doorbell: Doorbell, captures: Captures) -> None:
        self._database = database
        self._doorbell = doorbell
        self._captures = captures
        _listen_to_sessions()

    def append(
        self,
        session: Transaction,
        room: str,
        name: str,
        data: object,
        *,
        further: Sequence[str],
        key: str | None,
    ) -> int:
        """Add an event to the transaction that `session` has open, or begins -> the id of its row.
        `data`: JSON text, or an object, which is encoded here. `further`: its rooms besides the
        first.

        Raises ValueError for data that is no JSON, TypeError for another kind of session,
        RuntimeError for a session of another database, and SQLAlchemyError.
        """
        text = text_of(data).text
        if isinstance(session, scoped_session):
            session = session()
        if isinstance(session, Session):
            connection = session.connection()
        elif isinstance(session, Connection):
            connection = session
        else:
            raise TypeError(f"expected a Session or Connection of SQLAlchemy, not {session!r:.100}")
        self._check(connection.engine)
        row: dict[str, Any] = {"room": room, "name": name, "data": text, "key": key}
        if further:
            row["further_rooms"] = list(further)
        written = connection.execute(insert(EVENTS), row).inserted_primary_key
        if isinstance(session, Session):
            session.info[APPENDED] = self._doorbell
        else:
            self._watch(connection)
        if self._captures:
            captured = CapturedEvent(
                name, orjson.loads(text), (room, *further), durable=True, key=key
            )
            through = session if isinstance(session, Session) else None
            self._captures.appended(captured, connection, through)
        assert written is not None
        return int(written[0])

    def _check(self, engine: Engine) -> None:
        own = self._database.engine
        if engine.pool is not own.pool and engine.url != own.url:
            raise RuntimeError(
                f"the session is bound to {engine.url!r}, the journal is in {own.url!r}:"
                " the event and the change would not commit together"
            )

    def _watch(self, connection: Connection) -> None:
        """Listen on this connection alone, once however many transactions it has."""
        if not event.contains(connection, "commit", self._on_connection_commit):
            event.listen(connection, "commit", self._on_connection_commit)

    def _on_connection_commit(self, connection: Connection) -> None:
        """SQLAlchemy calls this before COMMIT is sent: ring when the transaction is over."""
        transaction = connection.get_transaction()
        if transaction is not None:
            self._doorbell.ring_after(lambda: transaction.is_active)


def _on_session_commit(session: Session) -> None:
    if not session.in_nested_transaction() and (doorbell := session.info.pop(APPENDED, None)):
        doorbell.ring()


def _on_session_end(session: Session, ended: SessionTransaction) -> None:
    """Forget the events when the whole transaction ends, also by Session.close(): a savepoint that
    is rolled back leaves the events before it."""
    if ended.parent is None:
        session.info.pop(APPENDED, None)


def _listen_to_sessions() -> None:
    """Listen once in a process, on the class Session: a listener on each session would cost 100 us
    of each request. Sessions without events are not affected."""
    if not event.contains(Session, "after_commit", _on_session_commit):
        event.listen(Session, "after_commit", _on_session_commit)
        event.listen(Session, "after_transaction_end", _on_session_end)

"""Appending: the change and its events commit together or not at all.

The sequencers are woken once the outermost transaction has committed. A savepoint that is released
is no commit, nor is the commit of a session that has joined a caller's transaction; and a ring for
nothing is harmless.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, event, insert
from sqlalchemy.orm import Session, SessionTransaction

from ordercast.captures import CapturedEvent, Captures
from ordercast.database import Database, Transaction, session_of
from ordercast.journal.bulk import NewEvent, insert_all
from ordercast.journal.doorbell import Doorbell
from ordercast.journal.tables import EVENTS, entries_table
from ordercast.payloads import text_of

# Made once: that takes a third of an append.
INSERT = {dialect: insert(entries_table(dialect)) for dialect in ("postgresql", "sqlite")}
# In a session's info: {Appender: Connection} of the events in its open transaction.
APPENDED = "ordercast appended"


class Appender:
    """Writes events into transactions that callers have open. `origin` returns what the row of an
    event of this name keeps as its `request_id`."""

    def __init__(
        self,
        database: Database,
        doorbell: Doorbell,
        captures: Captures,
        origin: Callable[[str], str | None],
    ) -> None:
        self._database = database
        self._doorbell = doorbell
        self._captures = captures
        self._origin = origin
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
        `data`: a JsonText, or an object that is encoded here. `further`: its rooms besides the
        first.

        Raises ValueError for data that is no JSON, TypeError for another kind of session,
        RuntimeError for a session of another database, and SQLAlchemyError.
        """
        text = text_of(data).text
        connection = self._database.joined(session, EVENTS)
        row: dict[str, Any] = {"room": room, "name": name, "data": text, "key": key}
        row["request_id"] = self._origin(name)
        if further:
            row["further_rooms"] = list(further)
        written = connection.execute(INSERT[connection.dialect.name], row).inserted_primary_key
        through = self._ring_after(session, connection)
        if self._captures:
            captured = CapturedEvent(
                name, orjson.loads(text), (room, *further), durable=True, key=key
            )
            self._captures.appended(captured, connection, through)
        assert written is not None
        return int(written[0])

    def append_all(self, session: Transaction, events: Sequence[NewEvent]) -> None:
        """Add events, in their order, to the transaction that `session` has open, or begins. Raises
        TypeError and RuntimeError as `append` does, and SQLAlchemyError."""
        if not events:
            return
        connection = self._database.joined(session, EVENTS)
        insert_all(connection, events, self._origin(events[0].name))
        through = self._ring_after(session, connection)
        for each in events if self._captures else ():
            rooms = (each.room, *each.further)
            captured = CapturedEvent(
                each.name, orjson.loads(each.data.text), rooms, durable=True, key=each.key
            )
            self._captures.appended(captured, connection, through)

    def _ring_after(self, session: Transaction, connection: Connection) -> Session | None:
        """Ring when the transaction has committed -> the session, if it is one."""
        through = session_of(session)
        if through is None:
            self._watch(connection)
        else:
            through.info.setdefault(APPENDED, {})[self] = connection
        return through

    def on_session_commit(self, connection: Connection) -> None:
        """Ring, unless the session has joined a transaction that goes on: then after that one."""
        if connection.in_transaction():
            self._watch(connection)
        else:
            self._doorbell.ring()

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
    if session.in_nested_transaction():
        return
    for appender, connection in session.info.pop(APPENDED, {}).items():
        appender.on_session_commit(connection)


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

"""Whether an event that was appended is committed: followed by SQLAlchemy's own events, of all
engines and all sessions, while a capture is open.

An event that a Session appended is sent once that Session has committed, also where it has joined
the transaction of a test that is rolled back at its end; that rollback takes the event back.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Session

from ordercast.captures import CapturedEvent

SAVEPOINT = re.compile(
    r"\s*(?P<verb>SAVEPOINT|RELEASE|ROLLBACK\s+TO)\s+(?:SAVEPOINT\s+)?(?P<name>\S+)", re.IGNORECASE
)


class Phase(Enum):
    """Of the connection's transaction. SQLAlchemy tells of a COMMIT before it is sent, and then
    only of its failure.

    OPEN ──COMMIT is sent──▶ COMMITTING ──the next transaction begins──▶ COMMITTED
    """

    OPEN = auto()
    COMMITTING = auto()
    COMMITTED = auto()


@dataclass(slots=True, eq=False)
class Appended:
    captured: CapturedEvent
    connection: Connection
    session: Session | None  # through which it was appended
    savepoints: tuple[str, ...]  # open around it
    phase: Phase = Phase.OPEN


class Transactions:
    """The events that were appended, and those of them that are sent: in the order of commits. A
    rollback, of the transaction or of a savepoint, removes its events."""

    def __init__(self) -> None:
        self._appended: list[Appended] = []
        self._sent: list[Appended | CapturedEvent] = []
        self._savepoints: dict[Connection, list[str]] = {}
        self._lock = threading.RLock()

    def add(self, captured: CapturedEvent, connection: Connection, session: Session | None) -> None:
        with self._lock:
            around = tuple(self._savepoints.get(connection, ()))
            self._appended.append(Appended(captured, connection, session, around))

    def add_sent(self, captured: CapturedEvent) -> None:
        """Add an event that no transaction can take back."""
        with self._lock:
            self._sent.append(captured)

    def sent(self) -> list[CapturedEvent]:
        with self._lock:
            return [one.captured if isinstance(one, Appended) else one for one in self._sent]

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow every transaction of this process in the block. The listeners are on the classes:
        a transaction that is open already is followed too."""
        listeners: list[tuple[Any, str, Callable[..., None]]] = [
            (Session, "after_commit", self._on_session_commit),
            (Engine, "begin", self._on_begin),
            (Engine, "commit", self._on_commit),
            (Engine, "rollback", self._on_rollback),
            (Engine, "handle_error", self._on_error),
            (Engine, "after_cursor_execute", self._on_statement),
        ]
        for listener in listeners:
            event.listen(*listener)
        try:
            yield
        finally:
            for listener in listeners:
                event.remove(*listener)

    def _on_session_commit(self, session: Session) -> None:
        if session.in_nested_transaction():
            return  # a savepoint: the transaction may still be rolled back
        with self._lock:
            self._send([one for one in self._appended if one.session is session])

    def _on_begin(self, connection: Connection) -> None:
        self._savepoints.pop(connection, None)
        self._move(connection, Phase.COMMITTING, Phase.COMMITTED)

    def _on_commit(self, connection: Connection) -> None:
        with self._lock:
            self._move(connection, Phase.OPEN, Phase.COMMITTING)
            mine = [one for one in self._appended if one.connection is connection]
            self._send([one for one in mine if one.session is None])

    def _on_error(self, context: ExceptionContext) -> None:
        """A COMMIT that fails, as a deferred constraint does, is no COMMIT."""
        if context.connection is not None:
            self._remove(context.connection, lambda one: one.phase is Phase.COMMITTING)

    def _on_rollback(self, connection: Connection) -> None:
        self._savepoints.pop(connection, None)
        self._remove(connection, lambda one: one.phase is Phase.OPEN)

    def _on_statement(
        self, connection: Connection, _cursor: object, statement: str, *_: object
    ) -> None:
        """Follow savepoints by their statements: SQLAlchemy's events have no name for a new one,
        and those of plain SQL have no events."""
        if (found := SAVEPOINT.match(statement)) is None:
            return
        verb, name = found["verb"].upper(), found["name"]
        with self._lock:
            names = self._savepoints.setdefault(connection, [])
            if verb == "SAVEPOINT":
                names.append(name)
            elif verb == "RELEASE":
                del names[names.index(name) if name in names else len(names) :]
            else:
                # A savepoint from before the capture is around all that was captured since.
                is_around = name not in names
                self._remove(
                    connection,
                    lambda one: one.phase is Phase.OPEN and (is_around or name in one.savepoints),
                )
                del names[names.index(name) + 1 if name in names else 0 :]

    def _send(self, chosen: list[Appended]) -> None:
        self._appended = [one for one in self._appended if one not in chosen]
        self._sent += chosen

    def _move(self, connection: Connection, before: Phase, now: Phase) -> None:
        with self._lock:
            for one in (*self._appended, *self._sent):
                if isinstance(one, Appended) and one.connection is connection:
                    one.phase = now if one.phase is before else one.phase

    def _remove(self, connection: Connection, chosen: Callable[[Appended], bool]) -> None:
        def stays(one: Appended | CapturedEvent) -> bool:
            mine = isinstance(one, Appended) and one.connection is connection
            return not (mine and chosen(one))  # type: ignore[arg-type]

        with self._lock:
            self._appended = [one for one in self._appended if stays(one)]
            self._sent = [one for one in self._sent if stays(one)]

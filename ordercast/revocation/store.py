"""Revocations in the database: written in a transaction, read by every process.

Each revocation is also an event of the journal, in the control room: processes that do not get the
event find the row within a second, those of the same host at their next check (counter.py). The
process that wrote it is told once it has committed.
"""

import atexit
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, or_, select, tuple_, update

from ordercast.database import Database, Transaction, place_of
from ordercast.database.upsert import upsert
from ordercast.events import CONTROL_ROOM, Disconnect, Revoked, Wire
from ordercast.identity import Identity
from ordercast.revocation.commits import Commits
from ordercast.revocation.counter import Count, HostCounter
from ordercast.revocation.memory import Revocations
from ordercast.revocation.rules import Mark, RevocationKind, Rules
from ordercast.revocation.tables import REVOCATIONS

Append = Callable[
    [Transaction, str, str, dict[str, Any]], object
]  # (.., room, event name, payload)

REVOKED, DISCONNECT = "revoked", "disconnect"  # the names of the control events
DISCONNECT_KEPT = timedelta(minutes=10)  # for processes that do not hear of it in the journal
# For which a request trusts the memory while this host has revoked nothing: longer than between two
# reads of live/dismissal.py, so that requests read only where there are no connections.
FRESH_SECONDS = 0.9
FIELDS = [REVOCATIONS.c.kind, REVOCATIONS.c.value, REVOCATIONS.c.revoked_at, REVOCATIONS.c.detail]

EXPIRES_AT = REVOCATIONS.c.expires_at
ALL = select(*FIELDS, EXPIRES_AT)
COUNTING = ALL.where(or_(EXPIRES_AT.is_(None), bindparam("now") < EXPIRES_AT))
SINCE = ALL.where(REVOCATIONS.c.revoked_at >= bindparam("since"))


def _now() -> datetime:
    """The time, to the millisecond: the same in the table and in the control event."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class RevocationStore:
    """`append` adds an event to a transaction; `clock` returns the time in UTC."""

    def __init__(
        self,
        database: Database,
        rules: Rules,
        *,
        append: Append,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._database = database
        self._append = append
        self._clock = clock
        self._listeners: list[Callable[[Mark], None]] = []
        self.rules = rules
        self._counter = HostCounter(self._database_name)
        self._commits = Commits(self._counter, tell=self._tell, renew=self._renew, clock=clock)
        self._is_in_memory = False
        self.memory = Revocations(self, count=self._host_count)

    def start(self) -> None:
        """Answer `check` from memory in this process, which is a server's. Call it after any fork;
        other processes ask the table each time."""
        if not self._is_in_memory:
            self._is_in_memory = True
            atexit.register(self._counter.remove)

    def subscribe(self, listener: Callable[[Mark], None]) -> None:
        """Call `listener` for each revocation that a session of this process has committed, in the
        thread that committed. The listener must not raise."""
        self._listeners.append(listener)

    def check(self, identity: Identity) -> None:
        """Check an identity. What a process of this host has revoked is refused as soon as its
        COMMIT has returned, what another has revoked within a second. Raises TokenRevoked, or the
        error of one of the service's own rules; SQLAlchemyError."""
        # Count first, read second: a revocation in between changes the count once more.
        count = self._host_count()
        if count is None:
            self._check_table(identity)
            return
        self.memory.refresh(FRESH_SECONDS, count)
        mark = self.memory.known(identity)
        refusal = None if mark is None else self.rules.refusal(identity, mark)
        if refusal is not None:
            raise refusal

    def _host_count(self) -> Count | None:
        return self._counter.read() if self._is_in_memory else None

    def _check_table(self, identity: Identity) -> None:
        keys = [
            and_(REVOCATIONS.c.kind == kind, REVOCATIONS.c.value == value)
            for kind, value in self.rules.concerning(identity)
        ]
        with self._database.reading() as connection:
            marks = [Mark(*row) for row in connection.execute(select(*FIELDS).where(or_(*keys)))]
        for mark in marks:
            refusal = self.rules.refusal(identity, mark)
            if refusal is not None:
                raise refusal

    def recent(self, since: datetime | None) -> list[tuple[Mark, datetime | None]]:
        """(revocation, until when it counts) of all revocations since then; None: of all that still
        count."""
        query, values = (SINCE, {"since": since}) if since else (COUNTING, {"now": self._clock()})
        with self._database.reading() as connection:
            return [(Mark(*row[:-1]), row[-1]) for row in connection.execute(query, values)]

    def detail(self, transaction: Transaction, kind: str, value: str) -> str | None:
        """The `detail` of the latest revocation of this kind and value."""
        query = select(REVOCATIONS.c.detail).where(
            REVOCATIONS.c.kind == kind, REVOCATIONS.c.value == value
        )
        found: str | None = self._joined(transaction).scalar(query)
        return found

    def add(
        self,
        transaction: Transaction | None,
        kind: str,
        value: str,
        *,
        until: datetime | None = None,
        detail: str | None = None,
    ) -> None:
        """Revoke, in this transaction or in one of its own: a later revocation takes the place of
        one of the same kind and value. `until`: when all that it hits has expired. Raises
        SQLAlchemyError, and what `append` raises."""
        mark = Mark(kind, value, self._clock(), detail)
        if transaction is None:
            with self._database.writing() as connection:
                self._write(connection, mark, until)
            self._counter.add()
            self._tell(mark)
            return
        self._write(transaction, mark, until)
        self._commits.follow(transaction, self._joined(transaction), mark)

    def disconnect(self, transaction: Transaction | None, user_id: str) -> None:
        """End the connections that a user has when each process learns of it."""
        self.add(
            transaction,
            RevocationKind.CONNECTIONS.value,
            user_id,
            until=self._clock() + DISCONNECT_KEPT,
        )

    def _write(self, transaction: Transaction, mark: Mark, until: datetime | None) -> None:
        if not isinstance(transaction, Connection):
            # Lock the service's rows that are revoked before the revocation's own row: another
            # transaction that has locked them may go on to revoke the same.
            transaction.flush()
        changes = {"revoked_at": mark.at, "expires_at": until, "detail": mark.detail}
        connection = self._joined(transaction)
        insert = upsert(connection, REVOCATIONS).values(kind=mark.kind, value=mark.value, **changes)
        connection.execute(
            insert.on_conflict_do_update(index_elements=["kind", "value"], set_=changes)
        )
        name, data = _control(mark)
        self._append(transaction, CONTROL_ROOM, name, data)

    def _tell(self, mark: Mark) -> None:
        for listener in self._listeners:
            listener(mark)

    def _renew(self, connection: Connection, marks: list[Mark]) -> None:
        """Give these revocations the present time, before the COMMIT of a long transaction: other
        processes read the table from some time before their last read only."""
        for mark in marks:
            connection.execute(
                update(REVOCATIONS)
                .where(
                    REVOCATIONS.c.kind == mark.kind,
                    REVOCATIONS.c.value == mark.value,
                    REVOCATIONS.c.revoked_at == mark.at,
                )
                .values(revoked_at=self._clock())
            )

    def _database_name(self) -> str | None:
        place = place_of(self._database.engine.url)
        return None if place is None else repr(place)

    def _joined(self, transaction: Transaction) -> Connection:
        return self._database.joined(transaction, REVOCATIONS)


def prune(database: Database, limit: int) -> int:
    """Delete up to `limit` revocations that hit nothing any more -> how many."""
    key = tuple_(REVOCATIONS.c.kind, REVOCATIONS.c.value)
    old = REVOCATIONS.c.expires_at < _now()
    with database.writing() as connection:
        rows = connection.execute(select(*REVOCATIONS.primary_key).where(old).limit(limit))
        keys = [tuple(row) for row in rows]
        if keys:
            connection.execute(delete(REVOCATIONS).where(key.in_(keys), old))
    return len(keys)


def mark_of(order: Wire) -> Mark:
    """The revocation that a control event tells of. Raises ValueError for another one."""
    if isinstance(order, Disconnect):
        return Mark(RevocationKind.CONNECTIONS.value, order.user_id, order.at or _now())
    if isinstance(order, Revoked):
        return Mark(order.kind, order.value, order.at, order.detail)
    raise ValueError(f"no revocation: {order!r}")


def _control(mark: Mark) -> tuple[str, dict[str, Any]]:
    at = mark.at.isoformat()
    if mark.kind == RevocationKind.CONNECTIONS:
        return DISCONNECT, {"userId": mark.value, "at": at}
    data = {"kind": mark.kind, "value": mark.value, "at": at}
    return REVOKED, data if mark.detail is None else {**data, "detail": mark.detail}

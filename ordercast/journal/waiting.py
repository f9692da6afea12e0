"""Whether a committed event waits for its position, asked so that dead rows cost little.

An event that got its position stays, dead, among those that wait for as long as some transaction of
the server is older, be it a report's in another database. A whole scan passes over
all of these. So most scans begin behind the settled ids: none of them waits, and no transaction
that is open can still commit one. An id that was written without the sequence is found by the next
whole scan. Whole scans come as often as they are cheap.
"""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, TextClause, func, select, text

from ordercast.database import Database
from ordercast.journal.tables import ENTRIES, EVENTS, WAITING, database_now

SHARE = 20  # whole scans take this part of the time, at most
# Between two whole scans. SQLite gives the id of a row that was deleted last to the next row.
SHORTEST_SECONDS = {"postgresql": 0.25, "sqlite": 0.0}
LONGEST_SECONDS = 5.0

# The open transactions that may have an id of the table: a transaction takes the table's lock
# before the id, and releases it after its commit can be seen.
WRITERS = text(f"""
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = '{ENTRIES.name}'::regclass AND mode = 'RowExclusiveLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")  # noqa: S608, a table's name

# An event that is written later has a higher id, unless its id is not from the sequence.
HIGHEST: dict[str, Select[Any] | TextClause] = {
    "postgresql": text(
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ordercast_events_id_seq"
    ),
    "sqlite": select(func.max(EVENTS.c.id)),
}


@dataclass
class _Candidate:
    """An id that is settled when every transaction has ended that may hold a lower one."""

    id: int
    writers: frozenset[str] | None = None  # None: not asked since

    def is_settled(self, writers: frozenset[str]) -> bool:
        """Whether the writers of before have ended; `writers` are those of now."""
        self.writers = writers if self.writers is None else self.writers & writers
        return not self.writers


class Waiting:
    """One process's knowledge of the events that wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._candidate = _Candidate(0)
        self._settled = 0
        self._begin = 0  # the id after which a short scan begins
        self._whole_at = 0.0  # when the next whole scan is due, monotonic seconds

    def begin(self) -> int | None:
        """The id after which a short scan begins; None if a whole scan is due."""
        return None if time.monotonic() >= self._whole_at else self._begin

    def after(self) -> int | None:
        """An id after which an event waits, and before which none does, as far as was scanned; None
        if none waits. Takes no lock: called all the time."""
        with self._database.reading() as connection:
            begin = self.begin()
            if begin is None:
                return self._scan(connection)
            waits = connection.scalar(_waiting(connection, after=begin))
            return None if waits is None else begin

    def oldest(self) -> tuple[int, float] | None:
        """(id, seconds by the database's clock) of the event that has waited for its position for
        the longest time; None if none waits."""
        if (after := self.after()) is None:
            return None
        with self._database.reading() as connection:
            columns = _columns(connection)
            times = columns.created_at, database_now()
            row = connection.execute(_waiting(connection, *times, after=after)).one_or_none()
        return None if row is None else (row[0], max(0.0, (row[2] - row[1]).total_seconds()))

    def count(self, most: int) -> int:
        """How many events wait, counted up to `most`."""
        if (after := self.after()) is None:
            return 0
        with self._database.reading() as connection:
            some = _waiting(connection, after=after).limit(most).subquery()
            return connection.scalar(select(func.count()).select_from(some)) or 0

    def _scan(self, connection: Connection) -> int | None:
        started = time.monotonic()
        # Ask for writers before the scan, which then sees all that ended transactions committed.
        writers = _writers(connection)
        last = connection.scalar(HIGHEST[self._database.dialect])
        waits = connection.scalar(_waiting(connection))
        ended = time.monotonic()
        cheap = max(SHARE * (ended - started), SHORTEST_SECONDS[self._database.dialect])
        self._whole_at = ended + min(cheap, LONGEST_SECONDS)
        self._settle(writers, last or 0)
        # A short scan must not pass over what waits: a later event would get the lower position.
        self._begin = self._settled if waits is None else min(self._settled, waits - 1)
        return None if waits is None else waits - 1

    def _settle(self, writers: frozenset[str], highest: int) -> None:
        if self._candidate.is_settled(writers):
            self._settled = self._candidate.id
            self._candidate = _Candidate(highest)


def _writers(connection: Connection) -> frozenset[str]:
    if connection.dialect.name != "postgresql":
        return frozenset()  # one writer at a time: ids become visible in their order
    return frozenset(connection.scalars(WRITERS))


def _columns(connection: Connection) -> Any:
    """Of the table in which events wait."""
    return (WAITING if connection.dialect.name == "postgresql" else EVENTS).c


def _waiting(
    connection: Connection, *further: ColumnElement[Any], after: int | None = None
) -> Select[Any]:
    """The id, and `further` columns, of the first event that waits, after this id or of all."""
    columns = _columns(connection)
    query = select(columns.id, *further).order_by(columns.id).limit(1)
    if "position" in columns:
        query = query.where(columns.position.is_(None))
    return query if after is None else query.where(columns.id > after)

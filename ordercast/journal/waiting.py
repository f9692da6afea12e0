"""Whether a committed event waits for its position, asked so that dead rows cost little.

An event that got its position stays, dead, in the index of those that wait for as long as some
transaction of the server is older, be it a report's in another database. A whole scan passes over
all of these. So most scans begin behind the settled ids: none of them waits, and no transaction
that is open can still commit one. An id that was written without the sequence is found by the next
whole scan. Whole scans come as often as they are cheap.
"""

import time
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, exists, func, select, text

from ordercast.database import Database
from ordercast.journal.tables import EVENTS, database_now

SHARE = 20  # whole scans take this part of the time, at most
# Between two whole scans. SQLite gives the id of a row that was deleted last to the next row.
SHORTEST_SECONDS = {"postgresql": 0.25, "sqlite": 0.0}
LONGEST_SECONDS = 5.0

# The open transactions that may have an id of the table: a transaction takes the table's lock
# before the id, and releases it after its commit can be seen.
WRITERS = text(f"""
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = '{EVENTS.name}'::regclass AND mode = 'RowExclusiveLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")  # noqa: S608, a table's name

events = EVENTS.c


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
            query = select(exists().where(_waits(), events.id > begin))
            return begin if connection.scalar(query) else None

    def oldest(self) -> tuple[int, float] | None:
        """(id, seconds by the database's clock) of the event that has waited for its position for
        the longest time; None if none waits."""
        if (after := self.after()) is None:
            return None
        oldest = (
            select(events.id, events.created_at, database_now())
            .where(_waits(), events.id > after)
            .order_by(events.id)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(oldest).one_or_none()
        return None if row is None else (row[0], max(0.0, (row[2] - row[1]).total_seconds()))

    def count(self, most: int) -> int:
        """How many events wait, counted up to `most`."""
        if (after := self.after()) is None:
            return 0
        some = select(events.id).where(_waits(), events.id > after).limit(most).subquery()
        with self._database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(some)) or 0

    def _scan(self, connection: Connection) -> int | None:
        started = time.monotonic()
        oldest = select(events.id).where(_waits()).order_by(events.id).limit(1)
        highest = select(func.max(events.id))
        query = select(oldest.scalar_subquery(), highest.scalar_subquery())
        # Ask for writers before the scan, which then sees all that ended transactions committed.
        writers = _writers(connection)
        waits, last = connection.execute(query).one()
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


def _waits() -> ColumnElement[bool]:
    return events.position.is_(None)

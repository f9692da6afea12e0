"""Whether a committed event waits for its position, asked so that dead rows do not matter.

An event that got its position stays, dead, in the index of those that wait for as long as some
transaction of the server is older, be it a report's in another database. A whole look passes over
all of these. So most looks begin behind the settled ids: none of them waits, and no transaction
that is open can still commit one. An id that was written without the sequence is found by the next
whole look. Whole looks come as often as they are cheap, and every time where nothing is dead.
"""

import time
from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy import ColumnElement, exists, func, select, text
from sqlalchemy.engine import Connection

from app.db import db
from ordercast.journal.models import JournalEvent

SHARE = 20  # whole looks take this part of the time, at most
LONGEST_SECONDS = 5.0  # between two whole looks

# The open transactions that have an id of the table: its lock comes before the id, and goes after
# the commit can be seen.
WRITERS = text("""
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'ordercast_events'::regclass
  AND mode = 'RowExclusiveLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")


@dataclass
class _Candidate:
    """An id that is settled when everybody is done who may hold a lower one."""

    id: int
    writers: frozenset[str] | None = None  # None: not asked since


class Waiting:
    """What one process knows of it; `app.extensions["waiting"]`."""

    def __init__(self) -> None:
        self._candidate = _Candidate(0)
        self._settled = 0
        self._begin = 0  # the id after which a short look begins
        self._whole_at = 0.0  # when the next whole look is due, monotonic seconds

    def after(self) -> int | None:
        """An id after which an event waits, and before which none does, as far as was looked; None
        if none waits."""
        if time.monotonic() >= self._whole_at:
            return self._look_everywhere()
        query = select(exists().where(_waits(), JournalEvent.id > self._begin))
        with db.engine.connect() as connection:
            return self._begin if connection.scalar(query) else None

    def _look_everywhere(self) -> int | None:
        started = time.monotonic()
        oldest = select(JournalEvent.id).where(_waits()).order_by(JournalEvent.id).limit(1)
        highest = select(func.max(JournalEvent.id))
        query = select(oldest.scalar_subquery(), highest.scalar_subquery())
        with db.engine.connect() as connection:
            # Asked first: whoever is done by now has committed what the look then sees.
            writers = _writers(connection)
            waits, last = connection.execute(query).one()
        ended = time.monotonic()
        self._whole_at = ended + min(SHARE * (ended - started), LONGEST_SECONDS)
        self._settle(writers, last or 0)
        # A short look must not pass over what waits: a later event would get the lower position.
        self._begin = self._settled if waits is None else min(self._settled, waits - 1)
        return None if waits is None else waits - 1

    def _settle(self, writers: frozenset[str], highest: int) -> None:
        candidate = self._candidate
        before = writers if candidate.writers is None else candidate.writers
        candidate.writers = before & writers
        if not candidate.writers:
            self._settled = candidate.id
            self._candidate = _Candidate(highest)


def _writers(connection: Connection) -> frozenset[str]:
    if connection.dialect.name != "postgresql":
        return frozenset()  # one writer at a time: ids become visible in their order
    return frozenset(connection.scalars(WRITERS))


def _waits() -> ColumnElement[bool]:
    return JournalEvent.position.is_(None)


def init_app(app: Flask) -> None:
    app.extensions["waiting"] = Waiting()


def waiting_after() -> int | None:
    """An id after which an event waits for its position; None if none does. Takes no lock and no
    session: it is asked all the time."""
    waiting: Waiting = current_app.extensions["waiting"]
    return waiting.after()

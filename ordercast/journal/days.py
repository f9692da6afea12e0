"""The days of PostgreSQL's tables: a partition for each, added ahead of time and dropped whole.

Both need a lock that writers wait for. It is given up after some milliseconds, and the worker tries
again: events of a day that has no partition are in the partition of all other times (`rest`), where
nothing is missing, and rows are deleted.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, column, func, select, table, text
from sqlalchemy.exc import DBAPIError

from ordercast.database import Database
from ordercast.journal.locking import LOCK_NOT_AVAILABLE, lock_head, move_head
from ordercast.journal.tables import POSITIONS

logger = logging.getLogger(__name__)

AHEAD_DAYS = 3  # after today; a worker that stands still for longer leaves days out
LOCK_MS = 40  # how long a statement waits for a lock, and a writer behind it
FIRST_STATEMENT_MS = 80  # all of a statement, its locks held; twice as long after each that failed
LONGEST_STATEMENT_MS = 5_120
CANCELLED = "57014"  # PostgreSQL: statement_timeout ran out
ROWS_IN_THE_WAY = "23514"  # PostgreSQL: `rest` has events of the day

LIMITS = text(
    "SELECT set_config('lock_timeout', :lock, true), set_config('statement_timeout', :all, true)"
)
# By the database's clock. Today's is for a table without rows in `rest`: its first worker has
# started. Else a partition would be tried in vain at each step.
MISSING = text("""
WITH today AS (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day)
SELECT today.day + ahead FROM today, generate_series(0, :ahead) AS ahead
WHERE to_regclass(:parent || '_' || to_char(today.day + ahead, 'YYYYMMDD')) IS NULL
AND (ahead > 0 OR NOT EXISTS (SELECT FROM ordercast_entries_rest))
ORDER BY ahead
""").bindparams(ahead=AHEAD_DAYS, parent=POSITIONS.name)
KEPT = text("""
SELECT to_date(right(relname, 8), 'YYYYMMDD') FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = CAST(:parent AS regclass) AND relname ~ '_[0-9]{8}$' ORDER BY 1
""").bindparams(parent=POSITIONS.name)
DETACHED = text("""
SELECT to_date(right(relname, 8), 'YYYYMMDD') FROM pg_class
WHERE relkind = 'r' AND NOT relispartition AND pg_table_is_visible(oid)
AND relname ~ ('^' || :parent || '_[0-9]{8}$') ORDER BY 1
""").bindparams(parent=POSITIONS.name)


class Days:
    """The partitions of one database; on SQLite there are none, and nothing is done."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statement_ms = FIRST_STATEMENT_MS
        self._is_refused = False  # logged

    def add(self) -> int:
        """Add the days that are missing, from today on -> how many were added. Raises
        SQLAlchemyError."""
        if self._database.dialect != "postgresql":
            return 0
        with self._database.reading() as connection:
            missing: Sequence[date] = connection.scalars(MISSING).all()
        return sum(self._call("ordercast_add_day", day) for day in missing)

    def drop(self, before: datetime) -> int:
        """Drop the days that have ended before `before`, oldest first -> how many were dropped. A
        day stays while an event of it waits, or has a position behind that of a younger event.
        Raises HeadLocked, SQLAlchemyError."""
        if self._database.dialect != "postgresql":
            return 0
        with self._database.reading() as connection:
            days: Sequence[date] = connection.scalars(KEPT).all()
        dropped = 0
        for day in days:
            if _end(day) > before:
                break
            # Move the lowest position first: no reader takes what is left for the whole.
            with self._database.writing() as connection:
                is_passed = _pass(connection, day, before)
            if is_passed:
                dropped += self._call("ordercast_drop_day", day)
        # Detached above, or by a worker that died: the next call drops their tables.
        with self._database.reading() as connection:
            detached: Sequence[date] = connection.scalars(DETACHED).all()
        for day in detached:
            self._call("ordercast_drop_day", day)
        return dropped

    def _call(self, function: str, day: date) -> bool:
        """Whether this changed something; a lock that is not free is tried for at a later call."""
        extra = {"function": function, "day": day.isoformat()}
        limits = {"lock": f"{LOCK_MS}ms", "all": f"{self._statement_ms}ms"}
        try:
            with self._database.writing() as connection:
                connection.execute(LIMITS, limits)
                is_done = bool(connection.scalar(text(f"SELECT {function}(:day)"), {"day": day}))
        except DBAPIError as exc:
            if self._is_expected(exc):
                logger.info("a day was not changed, and will be", extra=extra)
            elif not self._is_refused:
                self._is_refused = True
                logger.warning(
                    "days cannot be changed; events of others are deleted row by row",
                    extra={**extra, "error": str(exc.orig)},
                )
            return False
        self._statement_ms = FIRST_STATEMENT_MS
        if is_done:
            logger.info("a day was changed", extra=extra)
        return is_done

    def _is_expected(self, error: DBAPIError) -> bool:
        state = getattr(error.orig, "sqlstate", None)
        if state == CANCELLED:
            self._statement_ms = min(2 * self._statement_ms, LONGEST_STATEMENT_MS)
        if error.connection_invalidated:
            raise error
        return state in (CANCELLED, LOCK_NOT_AVAILABLE, ROWS_IN_THE_WAY)


def _end(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _pass(connection: Connection, day: date, before: datetime) -> bool:
    """Let the lowest position kept be after all of the day, whose rows then are nobody's -> whether
    it is. Not while an event written since `before` has a position among them: what is kept has no
    holes."""
    head = lock_head(connection)
    partition = table(f"{POSITIONS.name}_{day:%Y%m%d}", column("position"))
    last = connection.scalar(select(func.max(partition.c.position)))
    if last is None or last < head.lowest:
        return True
    younger = (
        select(POSITIONS.c.position)
        .where(
            POSITIONS.c.position >= head.lowest,
            POSITIONS.c.position <= last,
            POSITIONS.c.created_at >= before,
        )
        .limit(1)
    )
    if connection.execute(younger).first() is not None:
        return False
    move_head(connection, head._replace(lowest=last + 1))
    return True

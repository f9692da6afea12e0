"""The head's lock, held while giving positions, pruning, and renaming the journal."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import OperationalError

from ordercast.journal.reading import Head
from ordercast.journal.tables import HEAD, HEAD_ID

LOCK_SECONDS = 2  # another sequencer or a pruning holds the head for some milliseconds
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL: lock_timeout ran out

# A row's lock is not in pg_locks, but its holder also holds the table's, until the transaction
# ends. Sessions that wait for a lock themselves are left out; the rest begins with the oldest. A
# prepared transaction has no session. Other roles' sessions are hidden without pg_read_all_stats.
HOLDERS = text(f"""
SELECT held.pid, activity.application_name, activity.usename, activity.state,
       extract(epoch FROM clock_timestamp() - activity.xact_start)::integer
FROM pg_locks AS held LEFT JOIN pg_stat_activity AS activity ON activity.pid = held.pid
WHERE held.locktype = 'relation' AND held.relation = '{HEAD.name}'::regclass AND held.granted
  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND held.mode <> 'AccessShareLock' AND held.pid IS DISTINCT FROM pg_backend_pid()
  AND NOT EXISTS (SELECT FROM pg_locks AS wanted WHERE wanted.pid = held.pid AND NOT wanted.granted)
ORDER BY activity.xact_start LIMIT 3
""")  # noqa: S608, a table's name


class HeadLocked(Exception):
    """Another transaction holds the head for longer than this session may wait."""


def limit_lock(connection: Connection) -> None:
    """Wait for no lock for longer than LOCK_SECONDS in this transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))


def lock_head(connection: Connection) -> Head:
    """The head, locked until the transaction ends. Raises HeadLocked."""
    locked = select(HEAD.c.position, HEAD.c.lowest, HEAD.c.journal).where(HEAD.c.id == HEAD_ID)
    try:
        return Head(*connection.execute(locked.with_for_update()).one())
    except OperationalError as exc:
        if getattr(exc.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise HeadLocked("another transaction holds the journal's head") from exc
        raise


def move_head(connection: Connection, head: Head) -> None:
    """Write a head that is locked."""
    connection.execute(update(HEAD).where(HEAD.c.id == HEAD_ID).values(head._asdict()))


def holders(connection: Connection) -> list[str]:
    """The database sessions that hold the head, as far as known, in words; on SQLite none."""
    if connection.dialect.name != "postgresql":
        return []
    return [_words(row) for row in connection.execute(HOLDERS)]


def _words(row: Sequence[object]) -> str:
    pid, application, user, state, seconds = row
    if pid is None:
        return "a prepared transaction (see pg_prepared_xacts)"
    since = "" if seconds is None else f" for {seconds} s"
    return f"pid {pid} ({application or 'no name'}, user {user}), {state or 'unknown'}{since}"

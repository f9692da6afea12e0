"""The server takes the connections that all processes may open."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import redis
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ordercast.broker import Broker
from ordercast.database import MAX_EMITTING, Database
from ordercast.doctor.finding import Doubtful, Examination, Unhealthy, first_line

# Of a worker: its own steps, each of which has one connection at a time, and its checks.
WORKER_STEPS = 6 + 2
LISTENING = 1  # a worker's own connection, which waits for NOTIFY
COUNTS = 5  # of the processes; the lowest is theirs
COUNT_SECONDS = 0.1  # between two counts
# What this role may open in this database; NULL is no limit.
LIMIT = text("""
    SELECT least(
        current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0),
        nullif(datconnlimit, -1), nullif(rolconnlimit, -1)
    ) FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user
""")
PID = text("SELECT pg_backend_pid()")
SHARED = "a pooler shares its sessions, and prepared statements are in use"
ALLOWED = (
    "Use engine_options(url, prepare=False) in every process, unless the pooler follows prepared"
    " statements (PgBouncer's max_prepared_statements)."
)
ADVICE = (
    "Lower the pool of each process (engine_options(url, pool=, overflow=)), raise max_connections,"
    " or put a pooler in between."
)


class Running(NamedTuple):
    web: int
    workers: int


def examinations(database: Database, broker: Broker, *, steps: int) -> Iterator[Examination]:
    """`steps`: how many the team has added to the worker."""
    yield Examination("connections", lambda: _connections(database, broker, steps))


def _connections(database: Database, broker: Broker, steps: int) -> str:
    if database.dialect != "postgresql":
        return "SQLite has no limit of them"
    pool = database.engine.pool
    if not isinstance(pool, QueuePool) or pool._max_overflow < 0:
        return "the pool of the engine has no limit"
    per_web, per_worker = of_processes(pool.size() + pool._max_overflow, steps)
    try:
        with database.reading() as connection:
            server_pid = connection.scalar(PID)
            is_pooled = server_pid != _pid_of(connection)
            if is_pooled and _prepares(connection) and _is_shared(database, server_pid):
                raise Doubtful(SHARED, ALLOWED)
            limit = None if is_pooled else connection.scalar(LIMIT)
    except SQLAlchemyError as exc:
        raise Unhealthy(f"cannot tell: {first_line(exc)}", "Repair the database first.") from exc
    each = f"a web process opens up to {per_web}, a worker up to {per_worker}"
    if limit is None:
        return f"{each}, of a pooler, whose limits count"
    running = _running(broker)
    most = running.web * per_web + running.workers * per_worker
    said = f"{running.web} web process(es) and {running.workers} worker(s) may open {most}"
    if most > limit:
        raise Doubtful(f"{said}, the database takes {limit}: {each}", ADVICE)
    return f"{said} of {limit}"


def of_processes(pool: int, steps: int) -> tuple[int, int]:
    """The most connections that (a web process, a worker) opens, with so many in the pool."""
    return pool + MAX_EMITTING, min(pool, WORKER_STEPS + steps) + MAX_EMITTING + LISTENING


def _pid_of(connection: Connection) -> int:
    """The session's process as it was said when it began: a pooler says another."""
    driver: Any = connection.connection.driver_connection
    return int(driver.info.backend_pid)


def _prepares(connection: Connection) -> bool:
    driver: Any = connection.connection.driver_connection
    return driver.prepare_threshold is not None


def _is_shared(database: Database, server_pid: int) -> bool:
    """Whether another client gets a session's process between two statements of its client: a
    pooler gives the one that was used last."""
    with database.writing() as other:
        return bool(other.scalar(PID) == server_pid)


def _running(broker: Broker) -> Running:
    """The processes that Redis knows now; one of each kind, if it knows none."""
    names = broker.journal_channel, broker.doorbell_channel
    counts = []
    try:
        with broker.connect() as client:
            # Round trips of examinations listen to one channel for a moment.
            for _ in range(COUNTS):
                counts.append([int(count) for _, count in client.pubsub_numsub(*names)])
                time.sleep(COUNT_SECONDS)
    except redis.RedisError:  # which fails an examination of its own
        return Running(1, 1)
    return Running(*(max(1, min(of_one)) for of_one in zip(*counts, strict=True)))

"""PostgreSQL tables that are locked, so that whoever reads them waits for the test."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until


@contextmanager
def locked(service: Service, table: str) -> Iterator[psycopg.Connection]:
    """Until this block ends. Yields the lock's transaction, which commits then."""
    with psycopg.connect(service.env["DATABASE_URL"]) as holder:
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield holder


def wait_for_held(service: Service, table: str, count: int = 1) -> None:
    """Until so many wait for the lock."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
    with psycopg.connect(service.env["DATABASE_URL"], autocommit=True) as observer:
        wait_until(
            lambda: observer.execute(query, [table]).fetchone() == (count,), f"{count} are held"
        )

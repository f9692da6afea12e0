"""PostgreSQL tables that are locked, so that whoever reads them waits for the test."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

HELD = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND (relation = %s::regclass OR relation IN (
  SELECT pg_depend.refobjid FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = pg_depend.objid
  WHERE pg_rewrite.ev_class = %s::regclass AND refclassid = 'pg_class'::regclass))
"""


@contextmanager
def locked(service: Service, table: str) -> Iterator[psycopg.Connection]:
    """Until this block ends. Yields the lock's transaction, which commits then."""
    with psycopg.connect(service.env["DATABASE_URL"]) as holder:
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield holder


def wait_for_held(service: Service, table: str, count: int = 1) -> None:
    """Until so many wait for the lock, of a view for that of a table in it."""
    with psycopg.connect(service.env["DATABASE_URL"], autocommit=True) as observer:
        wait_until(
            lambda: observer.execute(HELD, [table, table]).fetchone() == (count,),
            f"{count} are held",
        )

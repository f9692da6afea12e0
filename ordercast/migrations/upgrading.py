"""upgrade(): whole or not at all, on both databases, whichever process comes first."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ordercast.database import Outage, outage

VERSION_TABLE = "ordercast_version"
# The key of the advisory lock, by which other programs do not lock.
LOCK = 0x6F72646572636173  # "ordercas"
OTHERS_SECONDS = 600  # how long SQLite waits for the upgrade of another process
PAUSE_SECONDS = 0.05  # between two tries to begin, where the driver does not wait by itself


def upgrade(bind: Engine | Connection, revision: str = "head") -> None:
    """Bring the library's tables to this release, or to an earlier one's `revision`.

    With an engine: in a transaction of its own, after the upgrade of any other process. With a
    connection: within its open transaction, which the caller commits. Raises SQLAlchemyError, or
    alembic.util.CommandError with one sentence for a database that cannot be upgraded so.
    """
    if isinstance(bind, Connection):
        _upgrade(bind, revision)
        return
    with _alone(bind) as connection:
        _upgrade(connection, revision)


def current(connection: Connection) -> str | None:
    """The revision of the library's tables; None if there are none."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def head() -> str | None:
    """The revision that this release works with."""
    return _script().get_current_head()


def _script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def _upgrade(connection: Connection, revision: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    script = _script()

    def steps(current: Any, _context: MigrationContext) -> Any:
        return script._upgrade_revs(revision, current)

    # Not by alembic.command: a team's env.py may call this, and `alembic.context` is one per
    # process.
    options = {
        "script": script,
        "fn": steps,
        "version_table": VERSION_TABLE,
        "transactional_ddl": True,  # SQLite has it too, once the driver begins nothing by itself
    }
    context = MigrationContext.configure(connection, opts=options)
    with Operations.context(context):
        context.run_migrations()


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction, on SQLite one that holds the file's lock from its beginning:
    whatever the team's engine does about transactions, its driver begins none before DDL."""
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "sqlite":
            _begin_immediate(connection)
        yield connection


def _begin_immediate(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    deadline = time.monotonic() + OTHERS_SECONDS
    while True:
        if driver.in_transaction:  # the engine has begun one, which may be without the lock
            connection.exec_driver_sql("ROLLBACK")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as exc:
            if outage(exc) is not Outage.BUSY or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(PAUSE_SECONDS)

"""Checking that the database can be written now: a server that answers may still be a standby,
read-only, or on a full disk."""

from sqlalchemy import exc, text
from sqlalchemy.engine import Connection

# How long another writer may hold the file of SQLite before it counts as locked: a balancer waits
# for an answer about health, often for one second.
BUSY_SECONDS = 0.75

# The exported snapshot is a small file that the server writes into its data directory, and removes
# at the end of the transaction: no table, no WAL, no dead row.
POSTGRES = "SELECT current_setting('transaction_read_only'), pg_export_snapshot()"


def probe(connection: Connection) -> None:
    """Write something that changes nothing. Raises SQLAlchemyError, which `explain` understands."""
    if connection.dialect.name == "sqlite":
        _write_sqlite(connection)
    else:
        _write_postgres(connection)


def _write_sqlite(connection: Connection) -> None:
    """Write the file's first page unchanged, through the WAL to the disk."""
    connection = connection.execution_options(begin="IMMEDIATE", busy_seconds=BUSY_SECONDS)
    with connection.begin():
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version = {version}")


def _write_postgres(connection: Connection) -> None:
    read_only, _ = connection.execute(text(POSTGRES)).one()
    if read_only == "on":
        import psycopg  # an extra

        connection.invalidate()
        why = psycopg.errors.ReadOnlySqlTransaction(
            "the server takes no writes: a standby, or default_transaction_read_only is on"
        )
        raise exc.InternalError(POSTGRES, None, why)

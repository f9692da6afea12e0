"""INSERT ... ON CONFLICT, which SQLAlchemy has for each database apart."""

from typing import Any

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

Insert = postgresql.Insert | sqlite.Insert


def upsert(bind: Connection | Engine, table: Table | type[Any]) -> Insert:
    """An INSERT with on_conflict_do_nothing() and on_conflict_do_update(), for this database."""
    if bind.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)

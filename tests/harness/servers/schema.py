"""What a database says of its tables, and what is in them."""

from typing import Any

import sqlalchemy as sa

from app.config import Settings
from tests.harness.processes.process import SECRET

VERSIONS = {"alembic_version", "ordercast_version"}
ASKED = ("columns", "foreign_keys", "indexes", "unique_constraints", "check_constraints")
TRIGGERS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname, pg_get_triggerdef(pg_trigger.oid), prosrc"
    " FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal",
}


def engine_of(url: str) -> sa.Engine:
    """An engine as the driver makes it, without what the service does to its own."""
    settings = Settings.of(DATABASE_URL=url, JWT_SECRET_KEY=SECRET)
    return sa.create_engine(settings.DATABASE_URL, poolclass=sa.NullPool)


def tables(url: str) -> set[str]:
    return set(sa.inspect(engine_of(url)).get_table_names())


def rows(url: str, table: str) -> list[Any]:
    with engine_of(url).connect() as connection:
        return list(connection.execute(sa.text(f"SELECT * FROM {table}")))


def execute(url: str, statement: str) -> None:
    with engine_of(url).begin() as connection:
        connection.execute(sa.text(statement))


def described(url: str) -> dict[str, Any]:
    """Everything that the database says of its tables, in an order that does not matter."""
    engine = engine_of(url)
    inspector = sa.inspect(engine)
    found: dict[str, Any] = {
        table: {
            "primary_key": plain(inspector.get_pk_constraint(table)),
            **{what: plain(getattr(inspector, f"get_{what}")(table)) for what in ASKED},
        }
        for table in inspector.get_table_names()
        if table not in VERSIONS
    }
    with engine.connect() as connection:
        triggers = connection.exec_driver_sql(TRIGGERS[engine.dialect.name])
        found["triggers"] = plain(list(triggers))
    return found


def plain(found: Any) -> Any:
    """What can be compared: SQL as text, lists sorted."""
    if isinstance(found, dict):
        return {name: plain(value) for name, value in found.items()}
    return sorted(map(str, map(plain, found))) if isinstance(found, list) else str(found)

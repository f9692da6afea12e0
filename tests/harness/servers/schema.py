"""What a database says of its tables, and what is in them."""

from typing import Any

import sqlalchemy as sa

from app.config import Settings
from tests.harness.processes.process import SECRET

VERSIONS = {"alembic_version", "ordercast_version"}
ASKED = ("columns", "foreign_keys", "indexes", "unique_constraints", "check_constraints")
# On PostgreSQL the table of events is a view of several, of which two have partitions.
PARTS = {"ordercast_entries", "ordercast_positions", "ordercast_waiting"}
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
    """The names of the tables, where a view of events is one and its parts are none."""
    inspector = sa.inspect(engine_of(url))
    found = {name for name in inspector.get_table_names() if part_of(name) is None}
    return found | {name for name in inspector.get_view_names() if name == "ordercast_events"}


def part_of(name: str) -> str | None:
    """The table of events' parts to which a table or partition belongs."""
    return next((part for part in PARTS if name == part or name.startswith(f"{part}_")), None)


def drop_tables(url: str, prefix: str) -> None:
    """Drop the tables and views whose names begin so, partitions with their tables."""
    inspector = sa.inspect(engine_of(url))
    names = [name for name in inspector.get_table_names() if part_of(name) in (None, name)]
    for kind, found in (("VIEW", inspector.get_view_names()), ("TABLE", names)):
        for name in found:
            if name.startswith(prefix):
                execute(url, f"DROP {kind} {name}")


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
        if table not in VERSIONS and (part_of(table) in (None, table) or table.endswith("_rest"))
    }
    found["views"] = {
        view: plain(inspector.get_view_definition(view)) for view in inspector.get_view_names()
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

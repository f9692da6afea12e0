"""The journal's tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from ordercast.database.metadata import METADATA
from ordercast.database.types import BigId, UtcDateTime

HEAD_ID = 1  # the head's table has this one row


class database_now(FunctionElement[datetime]):  # noqa: N801, a function of SQL
    """This moment by the database's clock: the hosts of the processes that write have their own."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(database_now)
def _now_of_postgres(*_: Any, **__: Any) -> str:
    return "clock_timestamp()"


@compiles(database_now, "sqlite")
def _now_of_sqlite(*_: Any, **__: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"  # microseconds, as SQLAlchemy writes them


EVENTS = Table(
    "ordercast_events",
    METADATA,
    Column("id", BigId, primary_key=True),  # in the order of writing, not of committing
    Column("room", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("data", Text, nullable=False),  # the payload as JSON text, made once
    Column("created_at", UtcDateTime, server_default=database_now(), nullable=False),
    Column("position", BigInteger, unique=True),  # 1, 2, 3 ... no holes; null until sequenced
    Column("request_id", Text),  # of the request that appended it
    Column("key", Text),  # the subject: `order:123`
    Index("ix_ordercast_events_room_position", "room", "position"),
    Index(
        "ix_ordercast_events_unsequenced",
        "id",
        sqlite_where=text("position IS NULL"),
        postgresql_where=text("position IS NULL"),
    ),
    Index(
        "ix_ordercast_events_key",
        "key",
        sqlite_where=text("key IS NOT NULL"),
        postgresql_where=text("key IS NOT NULL"),
    ),
)

# JSON is checked beside the table and not in it, as the migrations do: an old row that is no JSON
# must not stop an upgrade, and on SQLite a constraint means a copy of the table. A row is checked
# when it is written and not when it gets its position: an old row would stop the sequencer.
DATA_IS_JSON = {
    "postgresql": (
        "ALTER TABLE ordercast_events ADD CONSTRAINT ck_ordercast_events_data_is_json"
        " CHECK (position IS NOT NULL OR data::json IS NOT NULL) NOT VALID",
    ),
    "sqlite": tuple(
        f"CREATE TRIGGER ordercast_events_data_is_json_{name} BEFORE {moment} ON ordercast_events"
        " WHEN NOT json_valid(NEW.data)"
        " BEGIN SELECT RAISE(ABORT, 'ordercast_events.data is not JSON'); END"
        for name, moment in (("insert", "INSERT"), ("update", "UPDATE OF data"))
    ),
}
for dialect, statements in DATA_IS_JSON.items():
    for statement in statements:
        event.listen(
            EVENTS,
            "after_create",
            DDL(statement).execute_if(dialect=dialect),  # type: ignore[no-untyped-call]
        )

# The entries that cannot be delivered, and why.
SET_ASIDE = Table(
    "ordercast_set_aside",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", String(300), nullable=False),  # printable ASCII
    Column("created_at", UtcDateTime, default=database_now(), nullable=False),
)

# One row, whose lock makes any number of sequencers safe.
HEAD = Table(
    "ordercast_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, default=0, nullable=False),  # the last one given; 0: none yet
    Column("lowest", BigInteger, default=1, nullable=False),  # the lowest position still kept
    # The journal's own name: positions of another database on the same Redis mean nothing here.
    Column("journal", String(32), nullable=False),
    CheckConstraint(f"id = {HEAD_ID}", name="one_row"),
)

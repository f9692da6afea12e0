"""The journal's tables.

On SQLite an event and its position are one row of `ordercast_events`. On PostgreSQL that name is a
view, which other programs read and write, of three tables: an event is a row of
`ordercast_entries`, which is never written again, and its id is in `ordercast_waiting` until its
position is a row of `ordercast_positions`. Entries and positions have a partition for each day.
"""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from ordercast.database.metadata import METADATA
from ordercast.database.types import BigId, UtcDateTime
from ordercast.journal.rules import RULES

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


class RoomList(TypeDecorator[Any]):
    """A list of rooms: an array on PostgreSQL, JSON text on SQLite, where a text that is no JSON is
    returned as it is. Any program may write it: the values have to be checked."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(Text))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return orjson.dumps(value).decode() if value and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value


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
    Column("further_rooms", RoomList),  # besides `room`, for an event of several
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

for statement in RULES:
    event.listen(
        EVENTS,
        "after_create",
        DDL(statement).execute_if(dialect="sqlite"),  # type: ignore[no-untyped-call]
    )

# The tables of PostgreSQL alone, which the migrations make.
PARTS = MetaData()
ENTRIES = Table(
    "ordercast_entries",
    PARTS,
    Column("id", BigInteger, primary_key=True),
    Column("room", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("data", Text, nullable=False),
    Column("created_at", UtcDateTime, server_default=database_now(), nullable=False),
    Column("request_id", Text),
    Column("key", Text),
    Column("further_rooms", RoomList),
)
WAITING = Table(
    "ordercast_waiting",
    PARTS,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("room", String(255), nullable=False),
)
POSITIONS = Table(
    "ordercast_positions",
    PARTS,
    Column("position", BigInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("room", String(255), nullable=False),
)


def entries_table(dialect: str) -> Table:
    """The table with an event's own row: all of its columns but, on PostgreSQL, the position."""
    return ENTRIES if dialect == "postgresql" else EVENTS


# The positions of events that have further rooms, by each of these.
FURTHER_ROOMS = Table(
    "ordercast_further_rooms",
    METADATA,
    Column("room", String(255), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False, index=True),
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

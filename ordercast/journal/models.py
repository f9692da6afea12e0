"""The journal's tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import DDL, BigInteger, CheckConstraint, Index, String, Text, event, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from app.db import Base, BigId, UtcDateTime

HEAD_ID = 1  # ordercast_head has this one row


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


class JournalEvent(Base):
    __tablename__ = "ordercast_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)  # order of writing, not of committing
    room: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    data: Mapped[str] = mapped_column(Text)  # the payload as JSON text, made once
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=database_now())
    position: Mapped[int | None] = mapped_column(  # 1, 2, 3 ... no holes; None until sequenced
        BigInteger, unique=True
    )
    request_id: Mapped[str | None] = mapped_column(Text)  # of the request that appended it
    key: Mapped[str | None] = mapped_column(Text)  # the subject: `order:123`

    __table_args__ = (
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


# JSON is checked beside the table and not in it, as the migrations do: an old row that is none must
# not stop an upgrade, and on SQLite a constraint means a copy of the table. Checked when a row is
# written and not when it gets its position: a row that is none would stop the sequencer.
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
            JournalEvent.__table__,
            "after_create",
            DDL(statement).execute_if(dialect=dialect),  # type: ignore[no-untyped-call]
        )


class SetAside(Base):
    """Entries that cannot be delivered, and why."""

    __tablename__ = "ordercast_set_aside"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(String(300))  # printable ASCII
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_now())


class JournalHead(Base):
    """One row. Its lock is what makes any number of sequencers safe."""

    __tablename__ = "ordercast_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger, default=0)  # the last one given; 0: none yet
    lowest: Mapped[int] = mapped_column(BigInteger, default=1)  # the lowest position still kept
    # The journal's own name: positions of another database on the same Redis mean nothing here.
    journal: Mapped[str] = mapped_column(String(32))

    __table_args__ = (CheckConstraint(f"id = {HEAD_ID}", name="one_row"),)

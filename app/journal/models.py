"""The journal's tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, String, Text, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from app.db import Base, BigId, UtcDateTime

HEAD_ID = 1  # journal_head has this one row


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
    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)  # order of writing, not of committing
    room: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    data: Mapped[str] = mapped_column(Text)  # the payload as JSON text, made once
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_now())
    position: Mapped[int | None] = mapped_column(  # 1, 2, 3 ... no holes; None until sequenced
        BigInteger, unique=True
    )

    __table_args__ = (
        Index("ix_events_room_position", "room", "position"),
        Index(
            "ix_events_unsequenced",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )


class JournalHead(Base):
    """One row. Its lock is what makes any number of sequencers safe."""

    __tablename__ = "journal_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger, default=0)  # the last one given; 0: none yet
    lowest: Mapped[int] = mapped_column(BigInteger, default=1)  # the lowest position still kept
    journal: Mapped[str] = mapped_column(
        String(32)
    )  # this journal's own name: positions of another
    #                                                   database on the same Redis mean nothing here

    __table_args__ = (CheckConstraint(f"id = {HEAD_ID}", name="one_row"),)

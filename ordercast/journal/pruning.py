"""Pruning: drops the oldest events, and moves the lowest position kept.

On PostgreSQL whole days are dropped (days.py). What is in no day's partition, and all of SQLite, is
deleted row by row.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

from sqlalchemy import Column, Connection, MetaData, Table, delete, func, select

from ordercast.database import Database
from ordercast.journal.locking import lock_head, move_head
from ordercast.journal.reading import head
from ordercast.journal.tables import ENTRIES, EVENTS, FURTHER_ROOMS, POSITIONS, SET_ASIDE

BATCH_ROWS = 1000  # in one step
FORGET_BATCHES = 50  # of rows about events that are gone, in one step


class _Rows(NamedTuple):
    """The rows that are deleted one by one, and not with their day."""

    places: Table  # position, id, created_at
    deleted_from: tuple[Table, ...]  # by id


def _rest(parent: Table) -> Table:
    """The partition of the events that are in no day's."""
    columns = (Column(column.name, column.type) for column in parent.columns)
    return Table(f"{parent.name}_rest", MetaData(), *columns)


ROWS = {
    "sqlite": _Rows(EVENTS, (EVENTS,)),
    "postgresql": _Rows(_rest(POSITIONS), (_rest(ENTRIES), _rest(POSITIONS))),
}


def prune(database: Database, before: datetime, limit: int = BATCH_ROWS) -> int:
    """Delete up to `limit` sequenced events written before `before`, and if there are fewer of this
    journal, up to as many that a journal of another name left behind. Returns how many."""
    rows = ROWS[database.dialect]
    with database.writing() as connection:
        count = _prune_oldest(connection, rows, before, limit)
    if count < limit:
        with database.writing() as connection:
            count += _prune_left_behind(connection, rows, before, limit)
    for _ in range(FORGET_BATCHES):
        if _forget(database, limit) < limit:
            break
    return count


def _prune_oldest(connection: Connection, rows: _Rows, before: datetime, limit: int) -> int:
    """Delete only a prefix of the positions: an old event behind a younger one stays, so that
    "everything from `lowest` on is here" stays true."""
    head = lock_head(connection)
    places = (POSITIONS if connection.dialect.name == "postgresql" else EVENTS).c
    loose = rows.places.c
    # Let the database compare: a time that another program wrote may be out of Python's range.
    oldest = connection.execute(
        select(
            places.position,
            places.id,
            (places.created_at < before).label("is_old"),
            select(loose.id).where(loose.position == places.position).exists().label("is_loose"),
        )
        .where(places.position >= head.lowest)
        .order_by(places.position)
        .limit(limit)
    )
    old = list(takewhile(lambda found: found.is_old and found.is_loose, oldest))
    if old:
        _delete(connection, rows, [found.id for found in old])
        move_head(connection, head._replace(lowest=old[-1].position + 1))
    return len(old)


def _prune_left_behind(connection: Connection, rows: _Rows, before: datetime, limit: int) -> int:
    """Delete events below the lowest position of this journal: an earlier journal's. Without the
    head's lock: on PostgreSQL the query scans all rows that were pruned and not vacuumed yet."""
    places = rows.places.c
    left = select(places.id).where(
        places.position < head(connection).lowest, places.created_at < before
    )
    found = connection.scalars(left.limit(limit)).all()
    if found:
        _delete(connection, rows, found)
    return len(found)


def _delete(connection: Connection, rows: _Rows, ids: Iterable[int]) -> None:
    for one in rows.deleted_from:
        connection.execute(delete(one).where(one.c.id.in_(list(ids))))


def _forget(database: Database, limit: int) -> int:
    """Delete up to `limit` rows of each other table about positions that are pruned -> the most of
    one table."""
    with database.writing() as connection:
        lowest = head(connection).lowest
        return max(
            _forget_in(connection, table, lowest, limit) for table in (FURTHER_ROOMS, SET_ASIDE)
        )


def _forget_in(connection: Connection, table: Table, lowest: int, limit: int) -> int:
    position = table.c.position
    last = select(position).where(position < lowest).order_by(position).limit(limit).subquery()
    end = select(func.max(last.c.position)).scalar_subquery()
    return connection.execute(delete(table).where(position <= end)).rowcount

"""Giving positions and advancing the head by one statement, which commits by itself: PostgreSQL.

A statement sees one snapshot, and the head's lock may be had later: another sequencer may have
committed in between, and what it numbered still seems to wait. So the head is read twice, as the
snapshot has it and as the lock has it. Where they differ, nothing is numbered.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ordercast.journal.locking import LOCK_NOT_AVAILABLE, LOCK_SECONDS, HeadLocked
from ordercast.journal.numbering import FOUND, PLACED
from ordercast.journal.tables import HEAD, HEAD_ID
from ordercast.spans.carried import MAX_CHARACTERS

SERIALIZATION_FAILURE = "40001"  # PostgreSQL, as READ COMMITTED is not the server's default

ADVANCE = text(f"""
WITH {FOUND}, limits AS MATERIALIZED (
  SELECT set_config('lock_timeout', :lock, true) WHERE EXISTS (SELECT FROM waiting)
), seen AS MATERIALIZED (
  SELECT position, lowest, journal FROM {HEAD.name} WHERE id = {HEAD_ID}
), locked AS MATERIALIZED (
  SELECT head.position, head.lowest, head.journal FROM limits, {HEAD.name} AS head
  WHERE head.id = {HEAD_ID} FOR UPDATE OF head
), head AS MATERIALIZED (
  SELECT position FROM locked JOIN seen USING (position, lowest, journal)
  WHERE journal = :journal AND position >= :known
), numbered AS MATERIALIZED (
  SELECT found.*, head.position + found.nth AS position FROM found, head WHERE before < :bytes
), {PLACED}, moved AS (
  UPDATE {HEAD.name} SET position = reached.position
  FROM (SELECT max(position) AS position FROM numbered) AS reached
  WHERE id = {HEAD_ID} AND reached.position IS NOT NULL
)
SELECT coalesce((SELECT position FROM locked), (SELECT position FROM seen)),
  EXISTS (SELECT FROM waiting), numbered.position, numbered.room, numbered.name, numbered.data,
  numbered.further_rooms, left(numbered.request_id, :characters)
FROM (SELECT 1) AS always LEFT JOIN numbered ON true ORDER BY numbered.position
""")  # noqa: S608, names of tables and parts of the statement


class Advance(NamedTuple):
    """What one statement did."""

    head: int  # the head's position before it
    # (position, room, name, data, further_rooms, request_id) of each event, in order: none if none
    # waits. None if nothing was done: another transaction has just changed the head, or the head is
    # not one of the journal that has come so far.
    rows: list[Sequence[Any]] | None


def advance(
    connection: Connection, *, journal: str, known: int, after: int, limit: int, max_bytes: int
) -> Advance | None:
    """Give the next positions to up to `limit` events that wait after the id `after`, in id order,
    and to no more when they have `max_bytes` of data, if the head is of `journal`, and has come to
    `known`; `connection` commits each statement by itself. None if the server has given it up.

    Raises HeadLocked, SQLAlchemyError."""
    values = {"journal": journal, "known": known, "after": after, "limit": limit}
    values["lock"] = f"{LOCK_SECONDS}s"
    try:
        rows = connection.execute(
            ADVANCE, {**values, "bytes": max_bytes, "characters": MAX_CHARACTERS}
        ).all()
    except DBAPIError as exc:
        state = getattr(exc.orig, "sqlstate", None)
        if state == LOCK_NOT_AVAILABLE:
            raise HeadLocked("another transaction holds the journal's head") from exc
        if state == SERIALIZATION_FAILURE:
            return None
        raise
    head, waits, position = rows[0][:3]
    if position is None:
        return Advance(head, None if waits else [])
    return Advance(head, [row[2:] for row in rows])

"""Giving the next positions to events that wait, while the head is locked.

On PostgreSQL a position is a new row of `ordercast_positions`: the row with the payload is read and
not written, whatever its size. Entries and positions have partitions by time, and the times of the
batch say which of them are read.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, text, update

from ordercast.journal.selecting import CONTENT, data_bytes
from ordercast.journal.tables import EVENTS
from ordercast.spans.carried import MAX_CHARACTERS

BATCH_BYTES = 4_194_304  # of data in one step, and one row more: what a batch holds in memory

# Parts of a statement of PostgreSQL. Between them `numbered` says which of those that were found
# get which position. There is no join: the planner knows little of today's partition, and of how
# many wait. By an array of ids, within the times of these, it reads by index; and a test that IS
# TRUE is asked of a hash table.
FOUND = """
waiting AS MATERIALIZED (
  SELECT id, created_at FROM ordercast_waiting WHERE id > :after ORDER BY id LIMIT :limit
), found AS MATERIALIZED (
  SELECT entry.*, row_number() OVER (ORDER BY entry.id) AS nth,
    sum(octet_length(entry.data)) OVER (ORDER BY entry.id) - octet_length(entry.data) AS before
  FROM ordercast_entries AS entry
  WHERE entry.id = ANY (ARRAY(SELECT id FROM waiting))
  AND entry.created_at >= (SELECT min(created_at) FROM waiting)
  AND entry.created_at <= (SELECT max(created_at) FROM waiting)
  AND ((entry.id, entry.created_at) IN (SELECT id, created_at FROM waiting)) IS TRUE
)
"""
# All that was seen to wait from the first id to the last was numbered: a range, read by index.
# Further rooms that do not fit are left out: a row of another program must not stop the sequencer.
PLACED = """
gone AS (
  DELETE FROM ordercast_waiting
  WHERE id >= (SELECT min(id) FROM numbered) AND id <= (SELECT max(id) FROM numbered)
), placed AS (
  INSERT INTO ordercast_positions (position, id, created_at, room)
  SELECT position, id, created_at, room FROM numbered
), placed_further AS (
  INSERT INTO ordercast_further_rooms (room, position)
  SELECT further.room, numbered.position
  FROM numbered, unnest(numbered.further_rooms) AS further (room)
  WHERE length(further.room) BETWEEN 1 AND 255
  ON CONFLICT DO NOTHING
)
"""
NUMBER = text(f"""
WITH {FOUND}, numbered AS MATERIALIZED (
  SELECT *, :head + nth AS position FROM found WHERE before < :bytes
), {PLACED}
SELECT position, room, name, data, further_rooms, left(request_id, :characters) FROM numbered
ORDER BY position
""")  # noqa: S608, parts of the statement

events = EVENTS.c


def number(connection: Connection, head: int, limit: int, after: int) -> Sequence[Sequence[Any]]:
    """Give the positions after `head` to up to `limit` events, or up to BATCH_BYTES of them, that
    wait after the id `after`, in id order -> (position, room, name, data, further_rooms,
    request_id) of each, in order. The head is locked, by an earlier statement: the positions that
    another sequencer has just committed are seen."""
    if connection.dialect.name == "postgresql":
        values = {"after": after, "limit": limit, "head": head, "bytes": BATCH_BYTES}
        return connection.execute(NUMBER, {**values, "characters": MAX_CHARACTERS}).all()
    size = data_bytes()
    waiting = (
        select(
            events.id,
            func.row_number().over(order_by=events.id).label("nth"),
            (func.sum(size).over(order_by=events.id) - size).label("before"),
        )
        .where(events.position.is_(None), events.id > after)
        .order_by(events.id)
        .limit(limit)
        .subquery()
    )
    numbered = (
        update(EVENTS)
        .where(events.id == waiting.c.id, waiting.c.before < BATCH_BYTES)
        .values(position=head + waiting.c.nth)
        .returning(
            events.position,
            *(events[name] for name in CONTENT),
            func.substr(events.request_id, 1, MAX_CHARACTERS),
        )
    )
    return sorted(connection.execute(numbered).all())

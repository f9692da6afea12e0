"""What several clients are owed, in one read: to each the events of its rooms in a stretch of the
journal.

On PostgreSQL one statement, which also reads the head, at one moment. On SQLite, where a statement
is a call and not a round trip, one for each client, in one transaction.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from ordercast.journal import reading
from ordercast.journal.entries import Entry, read
from ordercast.journal.reading import Head

CONTENT_BYTES = 4_194_304  # of data in one read; of what is beyond it, the sizes are read only
# By the index of each room. LIMIT counts for each room; an event of several is there several times.
QUERY = text("""
    SELECT head.position, head.lowest, head.journal, found.* FROM ordercast_head AS head LEFT JOIN (
        SELECT client, position, size, room, name, further_rooms,
            CASE WHEN sum(size) OVER (ORDER BY client, position ROWS UNBOUNDED PRECEDING)
                <= :content_bytes THEN data END AS data
        FROM unnest(
            CAST(:clients AS int[]), CAST(:rooms AS text[]),
            CAST(:afters AS bigint[]), CAST(:untils AS bigint[])
        ) AS wanted (client, wanted_room, after, until) CROSS JOIN LATERAL (
            (SELECT position, octet_length(data) AS size, room, name, data, further_rooms
                FROM ordercast_events
                WHERE room = wanted_room AND position > after AND position <= until
                ORDER BY position LIMIT :limit)
            UNION ALL
            (SELECT event.position, octet_length(data), event.room, name, data, further_rooms
                FROM ordercast_further_rooms AS further
                JOIN ordercast_events AS event ON event.position = further.position
                WHERE further.room = wanted_room
                    AND further.position > after AND further.position <= until
                ORDER BY further.position LIMIT :limit)
        ) AS event
    ) AS found ON true
""")


class Wanted(NamedTuple):
    """Events with after < position <= until, of any of the rooms."""

    after: int
    until: int
    rooms: Sequence[str]


class Found(NamedTuple):
    """`sizes` has (position, bytes) of the first events, and `entries` those of them whose content
    was read: up to position `read_until`, without what cannot be delivered."""

    head: Head  # at the moment of the read
    sizes: list[tuple[int, int]]
    entries: list[Entry]
    read_until: int


def several(connection: Connection, wanted: Sequence[Wanted], *, limit: int) -> list[Found]:
    """For each, up to `limit` events, oldest first."""
    if connection.dialect.name != "postgresql":
        head = reading.head(connection)
        return [_one(connection, head, one, limit) for one in wanted]
    pairs = [(client, room) for client, one in enumerate(wanted) for room in one.rooms]
    parameters = {
        "clients": [client for client, _ in pairs],
        "rooms": [room for _, room in pairs],
        "afters": [wanted[client].after for client, _ in pairs],
        "untils": [wanted[client].until for client, _ in pairs],
    }
    options = {"limit": limit, "content_bytes": CONTENT_BYTES}
    rows = connection.execute(QUERY, {**parameters, **options}).all()
    head = Head(*rows[0][:3])
    by_client: dict[int, dict[int, Any]] = {}
    for _, _, _, client, position, *content in rows:
        if client is not None:
            by_client.setdefault(client, {})[position] = content
    return [
        _found(head, sorted(by_client.get(client, {}).items())[:limit], one.until)
        for client, one in enumerate(wanted)
    ]


def _found(head: Head, rows: Iterable[tuple[int, Any]], until: int) -> Found:
    sizes: list[tuple[int, int]] = []
    entries: list[Entry] = []
    read_until = until
    for position, (size, room, name, further, data) in rows:
        sizes.append((position, size))
        if data is None:
            read_until = min(read_until, position - 1)
        elif position <= read_until:
            entries.append(read(position, room, name, data, further))
    return Found(head, sizes, [entry for entry in entries if not entry.is_blank], read_until)


def _one(connection: Connection, head: Head, wanted: Wanted, limit: int) -> Found:
    after, until, rooms = wanted
    sizes = reading.sizes(connection, after, until=until, rooms=rooms, limit=limit)
    return Found(head, sizes, [], until if not sizes else after)

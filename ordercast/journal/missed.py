"""The events of rooms since an offset: measured before they are read, and read in pieces.

For clients without recovery, and a team's own views. Each piece is read over a connection that is
given back before the piece is yielded: a slow caller holds none.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from ordercast.database import Database
from ordercast.journal import reading
from ordercast.journal.entries import Entry

PIECE_BYTES = 524_288  # of data that is read at once, unless a single event has more
UNLIMITED = 2**31 - 1


class Pruned(Exception):
    """The worker pruned events that were still to be read: the pieces so far are only a part."""


class Missed:
    """Never a part presented as the whole: where `complete` is false there are no pieces, because
    the offset is from before the lowest position kept or from beyond the head, or because there is
    more than `max_events` or `max_bytes` (0: no limit). Raises SQLAlchemyError."""

    def __init__(
        self,
        database: Database,
        rooms: Sequence[str],
        after: int,
        *,
        max_events: int = 0,
        max_bytes: int = 0,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        self._database = database
        self._rooms = rooms
        self._after = after
        with database.reading() as connection:
            # Read the head first: events after it belong to the next call.
            head = reading.head(connection)
        limit = max_events or UNLIMITED
        sizes: list[tuple[int, int]] = []
        complete = head.lowest - 1 <= after <= head.position
        if complete:
            sizes = self._sizes(until=head.position, limit=min(limit + 1, UNLIMITED))
            fits = sum(size for _, size in sizes) <= (max_bytes or UNLIMITED)
            # Checked again: the worker may have pruned between the two reads.
            complete = len(sizes) <= limit and fits and not self._is_pruned(after)
        self.complete = complete
        self.offset = str(head.position)  # after which events are new to a caller that has these
        self._ends, self.largest_bytes = split(sizes if complete else (), piece_bytes)

    def __len__(self) -> int:
        """How many pieces there are."""
        return len(self._ends)

    @property
    def events(self) -> list[dict[str, Any]]:
        """All of them at once, oldest first, for a view that answers with JSON: [{offset, name,
        data}, ...]. Raises Pruned, and SQLAlchemyError."""
        return [
            {"offset": str(entry.position), "name": entry.name, "data": orjson.loads(entry.data)}
            for entries in self.pieces()
            for entry in entries
        ]

    def pieces(self) -> Iterator[list[Entry]]:
        """The events, oldest first, of at most `piece_bytes` of data at once, unless a single one
        has more. Raises Pruned, and SQLAlchemyError."""
        after = self._after
        for end in self._ends:
            yield self._read(after, end)  # without a variable, which would keep the piece
            after = end

    def _read(self, after: int, until: int) -> list[Entry]:
        with self._database.reading() as connection:
            entries = reading.since(
                connection, after, until=until, rooms=self._rooms, limit=UNLIMITED
            )
        if self._is_pruned(after):
            raise Pruned
        return entries

    def _sizes(self, *, until: int, limit: int) -> list[tuple[int, int]]:
        with self._database.reading() as connection:
            return reading.sizes(
                connection, self._after, until=until, rooms=self._rooms, limit=limit
            )

    def _is_pruned(self, after: int) -> bool:
        """Check after the events were read, over a fresh connection: on SQLite an open transaction
        goes on seeing the past."""
        with self._database.reading() as connection:
            return reading.head(connection).lowest - 1 > after


def split(sizes: Iterable[tuple[int, int]], piece_bytes: int) -> tuple[list[int], int]:
    """(position, bytes) of each event -> the last position of each piece, and the bytes of the
    largest."""
    ends: list[int] = []
    size = largest = 0
    for position, more in sizes:
        if ends and size + more <= piece_bytes:
            ends[-1] = position
            size += more
        else:
            ends.append(position)
            size = more
        largest = max(largest, size)
    return ends, largest

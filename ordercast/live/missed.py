"""The events that a client missed: their positions in the journal, not the events themselves.

Events are read piece by piece, each when the client has taken the one before: from the ring while
they are there, else from the journal. So a client that reads slowly, or not at all, costs one
piece.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from ordercast.journal import Entry, Journal, split
from ordercast.live.outcome import Outcome, Unrecoverable
from ordercast.live.ring import Ring

PIECE_BYTES = 131_072  # of events that are on their way to one client; or one event, if larger
READERS = 4  # pieces that are read from the journal at once: a crowd must not take the whole pool
UNLIMITED = 2**31 - 1


class Reader:
    """Reads from the ring, else from the journal."""

    def __init__(self, journal: Journal, ring: Ring) -> None:
        self._journal = journal
        self._ring = ring
        self._few = threading.BoundedSemaphore(READERS)

    def read(self, whose: "Missed", *, until: int) -> Sequence[Entry]:
        """The next entries, up to that position. Raises Unrecoverable, and
        SQLAlchemyError."""
        entries = self._remembered(whose, until)
        if entries is None:
            entries = self._journal.since(
                whose.after, until=until, rooms=whose.rooms, limit=UNLIMITED
            )
            self.check(whose)
        return entries

    def read_later(self, whose: "Missed", *, until: int) -> Sequence[Entry]:
        """As read(), after the connect: from the journal in READERS threads at once at most."""
        entries = self._remembered(whose, until)
        if entries is None:
            with self._few:
                entries = self.read(whose, until=until)
        return entries

    def check(self, whose: "Missed") -> None:
        """Check the head after each read of the journal: events that were pruned meanwhile lack at
        the beginning, events that the database has lost at the end. Raises Unrecoverable."""
        head = self._journal.head()
        if whose.after < head.lowest - 1:
            raise Unrecoverable(Outcome.TOO_OLD)
        if head.journal != whose.journal_name or head.position < whose.until:
            raise Unrecoverable(Outcome.ANOTHER_JOURNAL)

    def _remembered(self, whose: "Missed", until: int) -> Sequence[Entry] | None:
        return self._ring.since(whose.after, until=until, rooms=whose.rooms, limit=UNLIMITED)


class Missed:
    """The events of one client's rooms with after < position <= until. Call `next_piece` until
    `is_read`. Made in the connect's app context, where the first piece is read. Raises
    Unrecoverable, and SQLAlchemyError."""

    def __init__(
        self,
        reader: Reader,
        sizes: Sequence[tuple[int, int]],
        *,
        after: int,
        until: int,
        rooms: Sequence[str],
        journal_name: str,
        source: Outcome,
    ) -> None:
        self.source = source  # where the first of it was found: memory or journal
        self.count = len(sizes)  # events
        self.after = after  # up to which position it was read
        self.until = until
        self.rooms = rooms
        self.journal_name = journal_name
        self._reader = reader
        ends, _ = split(sizes, PIECE_BYTES)
        self._ends = deque(ends)  # the last position of each piece
        self._first: Sequence[Entry] = ()
        if self._ends:
            self._first = self._read(reader.read)
        elif source is Outcome.JOURNAL:
            reader.check(self)

    @property
    def is_read(self) -> bool:
        return not self._ends and not self._first

    def next_piece(self) -> Sequence[Entry]:
        """The next events. Raises Unrecoverable, and SQLAlchemyError."""
        if self._first:
            first, self._first = self._first, ()
            return first
        return self._read(self._reader.read_later) if self._ends else ()

    def _read(self, read: Callable[..., Sequence[Entry]]) -> Sequence[Entry]:
        entries = read(self, until=self._ends[0])
        self.after = self._ends.popleft()
        return entries

"""The events that a client missed: their positions in the journal, not the events themselves.

Events are read piece by piece, each when the client has taken the one before: from the ring while
they are there, else from the journal. So a client that reads slowly, or not at all, costs one
piece.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from ordercast.journal import Entry, Found, Head, Journal, Wanted, split
from ordercast.live.outcome import Outcome, Unrecoverable
from ordercast.live.owed import Span
from ordercast.live.ring import Ring
from ordercast.live.shared_reads import SharedReads
from ordercast.transport import Turns

PIECE_BYTES = 131_072  # of events that are on their way to one client; or one event, if larger
LARGE_BYTES = 32_768  # of a replay: each of its pieces has a turn of the loop of its own
# Measuring a thousand events takes half a millisecond: so many clients in one turn of the loop, if
# each has missed many.
MEASURES_AT_ONCE, MANY_EVENTS = 4, 100
READERS = 4  # pieces that are read from the journal at once: a crowd must not take the whole pool
UNLIMITED = 2**31 - 1


class Measured(NamedTuple):
    """Events, and where they are: memory or journal."""

    sizes: Sequence[tuple[int, int]]  # (position, bytes)
    source: Outcome
    entries: Sequence[Entry]  # those up to `read_until`, which are read already
    read_until: int


class Reader:
    """Reads from the ring, else from the journal."""

    def __init__(self, journal: Journal, ring: Ring) -> None:
        self._journal = journal
        self._ring = ring
        self._measures = Turns(threading.Lock(), time.sleep, at_once=MEASURES_AT_ONCE)
        self._few = threading.BoundedSemaphore(READERS)
        self._shared = SharedReads(self._read_several)

    def measure(self, whose: "Missed", span: Span, *, limit: int) -> Measured:
        """Up to `limit` events. Raises Unrecoverable, and SQLAlchemyError."""
        after, until, rooms = span
        entries = self._ring.since(after, until=until, rooms=rooms, limit=limit)
        if entries is not None:
            if len(entries) > MANY_EVENTS:
                self._measures.wait()
            sizes = [(entry.position, _bytes(entry.data)) for entry in entries]
            return Measured(sizes, Outcome.MEMORY, entries, until)
        found = self._shared.get((Wanted(after, until, rooms), limit))
        _check(found.head, whose, after)
        return Measured(found.sizes, Outcome.JOURNAL, found.entries, found.read_until)

    def _read_several(self, questions: Sequence[tuple[Wanted, int]]) -> list[Found]:
        limit = max(limit for _, limit in questions)
        return self._journal.several([wanted for wanted, _ in questions], limit=limit)

    def read(self, whose: "Missed", piece: Span) -> Sequence[Entry]:
        """The events of a piece. Raises Unrecoverable, and SQLAlchemyError."""
        entries = self._remembered(piece)
        if entries is None:
            after, until, rooms = piece
            entries = self._journal.since(after, until=until, rooms=rooms, limit=UNLIMITED)
            _check(self._journal.head(), whose, after)
        return entries

    def read_later(self, whose: "Missed", piece: Span) -> Sequence[Entry]:
        """As read(), after the connect: from the journal in READERS threads at once at most."""
        entries = self._remembered(piece)
        if entries is None:
            with self._few:
                entries = self.read(whose, piece)
        return entries

    def _remembered(self, piece: Span) -> Sequence[Entry] | None:
        after, until, rooms = piece
        return self._ring.since(after, until=until, rooms=rooms, limit=UNLIMITED)


def _bytes(data: str) -> int:
    """Of UTF-8. Most payloads are ASCII, which Python knows: encoding 16 MiB for each of a hundred
    clients that come back at once would keep the others waiting."""
    return len(data) if data.isascii() else len(data.encode())


def _check(head: Head, whose: "Missed", after: int) -> None:
    """Check the head of the moment of a read of the journal, or later: events that were pruned
    meanwhile lack at the beginning, events that the database has lost at the end. Raises
    Unrecoverable."""
    if after < head.lowest - 1:
        raise Unrecoverable(Outcome.TOO_OLD)
    if head.journal != whose.journal_name or head.position < whose.until:
        raise Unrecoverable(Outcome.ANOTHER_JOURNAL)


class Missed:
    """The events of one client's rooms in these spans, up to position `until`. Call `next_piece`
    until `is_read`. Made in the connect's app context, where they are measured and the first piece
    is read. Raises Unrecoverable, and SQLAlchemyError."""

    def __init__(
        self,
        reader: Reader,
        spans: Sequence[Span],
        *,
        until: int,
        journal_name: str,
        max_events: int = UNLIMITED,
        max_bytes: int = 0,
    ) -> None:
        self.source = Outcome.MEMORY  # where the first of it was found: memory or journal
        self.count = 0  # events
        self.until = until
        self.journal_name = journal_name
        self._reader = reader
        self._pieces: deque[Span] = deque()
        self._first: Sequence[Entry] = ()
        first: Measured | None = None
        size = 0
        for span in spans:
            found = reader.measure(self, span, limit=max_events - self.count + 1)
            self.count += len(found.sizes)
            size += sum(more for _, more in found.sizes)
            if self.count > max_events:
                raise Unrecoverable(Outcome.TOO_MANY)
            if max_bytes and size > max_bytes:
                raise Unrecoverable(Outcome.TOO_LARGE)
            if found.source is Outcome.JOURNAL:
                self.source = found.source
            if found.sizes and first is None:
                first = found
            after = span.after
            for end in split(found.sizes, PIECE_BYTES)[0]:
                self._pieces.append(Span(after, end, span.rooms))
                after = end
        self.is_large = size > LARGE_BYTES
        if first is not None:
            piece = self._pieces.popleft()
            if piece.until <= first.read_until:
                self._first = [entry for entry in first.entries if entry.position <= piece.until]
            else:
                self._first = reader.read(self, piece)

    @property
    def is_read(self) -> bool:
        return not self._pieces and not self._first

    def next_piece(self) -> Sequence[Entry]:
        """The next events. Raises Unrecoverable, and SQLAlchemyError."""
        if self._first:
            first, self._first = self._first, ()
            return first
        return self._reader.read_later(self, self._pieces.popleft()) if self._pieces else ()

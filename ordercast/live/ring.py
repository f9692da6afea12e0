"""The recent past in memory, by room: most recoveries need no database.

Bounded by bytes and by age, not by a count: a bulk job of many small events must not empty it, and
a few large ones must not fill the process.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from ordercast.journal import Entry

MAX_RING_BYTES = 33_554_432  # of memory; two minutes of 300 small events a second
KEEP_SECONDS = 600.0
OVERHEAD_BYTES = 300  # of an entry besides its data: the tuple, room, name, its places in the ring
FURTHER_BYTES = 250  # of each further room: its text, its places in the entry and in the ring
DEQUE_BYTES = sys.getsizeof(deque())  # twice what a small event takes


def cost(entry: Entry) -> int:
    """Bytes of memory that an entry takes, about. Text beyond Latin-1 takes 2 or 4 a character."""
    return OVERHEAD_BYTES + sys.getsizeof(entry.data) + FURTHER_BYTES * len(entry.further)


class Ring:
    """Contiguous entries of the journal, oldest first, the newest that fit."""

    def __init__(
        self,
        max_bytes: int = MAX_RING_BYTES,
        *,
        keep_seconds: float = KEEP_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_bytes = max_bytes
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._entries: deque[Entry] = deque()
        # The entry itself for a room with one, as most have.
        self._rooms: dict[str, Entry | deque[Entry]] = {}
        self._bytes = 0
        self._shared = 0  # entries with further rooms
        self._ages: deque[tuple[float, int]] = (
            deque()
        )  # (when, the last position by then), oldest first
        self._lowest = 1  # the lowest position from which on everything is here
        self._lock = threading.Lock()  # a reader goes through a room while the follower adds to it

    def start(self, entries: Iterable[Entry], *, following: int) -> None:
        """Forget everything and begin with `entries`, after which position `following` comes."""
        with self._lock:
            self._entries.clear()
            self._rooms.clear()
            self._ages.clear()
            self._bytes = self._shared = 0
            self._lowest = following
            for entry in entries:
                self._lowest = min(self._lowest, entry.position)
                self._add(entry)

    def add(self, entry: Entry) -> None:
        """The next entry; the oldest go when the ring is full, and when they are too old."""
        with self._lock:
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._bytes += cost(entry)
        self._enter(entry.room, entry)
        for room in entry.further:
            self._enter(room, entry)
        self._shared += bool(entry.further)
        while self._bytes > self.max_bytes:
            self._drop()
        now = self._clock()
        if not self._ages or now - self._ages[-1][0] >= 1:
            self._ages.append((now, entry.position))
            self._forget(now)

    def _forget(self, now: float) -> None:
        while self._ages and now - self._ages[0][0] > self._keep_seconds:
            _, until = self._ages.popleft()
            while self._entries and self._entries[0].position <= until:
                self._drop()

    def _drop(self) -> None:
        oldest = self._entries.popleft()
        self._bytes -= cost(oldest)
        self._lowest = oldest.position + 1
        for room in oldest.rooms:
            self._leave(room)
        self._shared -= bool(oldest.further)

    def _enter(self, room: str, entry: Entry) -> None:
        kept = self._rooms.get(room)
        if kept is None:
            self._rooms[room] = entry
        elif isinstance(kept, Entry):
            self._rooms[room] = deque((kept, entry))
            self._bytes += DEQUE_BYTES
        else:
            kept.append(entry)

    def _leave(self, room: str) -> None:
        """Remove the oldest entry of the room."""
        kept = self._rooms[room]
        if isinstance(kept, Entry):
            del self._rooms[room]
            return
        kept.popleft()
        if len(kept) == 1:
            self._rooms[room] = kept[0]
            self._bytes -= DEQUE_BYTES

    def since(
        self, after: int, *, until: int, rooms: Sequence[str], limit: int
    ) -> list[Entry] | None:
        """Up to `limit` entries of the rooms with after < position <= until, oldest first; None if
        the ring does not reach back to `after`."""
        found: list[Entry] = []
        with self._lock:
            if after + 1 < self._lowest:
                return None
            for room in rooms:
                kept = self._rooms.get(room, ())
                for entry in (kept,) if isinstance(kept, Entry) else reversed(kept):
                    if entry.position <= after:
                        break
                    if entry.position <= until:
                        found.append(entry)
            shared = self._shared
        if shared:  # an event of several of the rooms was found in each
            found = list({entry.position: entry for entry in found}.values())
        return sorted(found)[:limit]

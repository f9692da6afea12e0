"""The last events in memory, by room: most recoveries need no database."""

import threading
from collections import deque
from collections.abc import Iterable, Sequence

from app.journal import Entry

SIZE = 10_000  # events


class Ring:
    """Contiguous entries of the journal, oldest first, the newest `size` of them."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self._entries: deque[Entry] = deque()
        self._rooms: dict[str, deque[Entry]] = {}
        self._lowest = 1  # the lowest position from which on everything is here
        self._lock = threading.Lock()  # a reader goes through a room while the follower adds to it

    def start(self, entries: Iterable[Entry], *, following: int) -> None:
        """Forget everything and begin with `entries`, after which position `following` comes."""
        with self._lock:
            self._entries.clear()
            self._rooms.clear()
            self._lowest = following
            for entry in entries:
                self._lowest = min(self._lowest, entry.position)
                self._add(entry)

    def add(self, entry: Entry) -> None:
        """The next entry; the oldest goes when the ring is full."""
        with self._lock:
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._rooms.setdefault(entry.room, deque()).append(entry)
        if len(self._entries) > self.size:
            oldest = self._entries.popleft()
            self._lowest = oldest.position + 1
            room = self._rooms[oldest.room]
            room.popleft()
            if not room:
                del self._rooms[oldest.room]

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
                for entry in reversed(self._rooms.get(room, ())):
                    if entry.position <= after:
                        break
                    if entry.position <= until:
                        found.append(entry)
        return sorted(found)[:limit]

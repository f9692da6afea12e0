"""The recent past in memory, by room: most recoveries need no database.

Bounded by bytes and by age, not by a count: a bulk job of many small events must not empty it, and
a few large ones must not fill the process. When it is full, a room with more than its share gives
its own oldest entries: a bulk job for one room leaves those of the others where they are.
"""

import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from sys import getsizeof

from ordercast.journal import Entry

MAX_RING_BYTES = 33_554_432  # of memory; two minutes of 300 small events a second
ROOM_SHARES = 8  # a room with more than one of so many gives its own oldest entries first
KEEP_SECONDS = 600.0
OVERHEAD_BYTES = 300  # of an entry besides its data: the tuple, room, name, its places in the ring
FURTHER_BYTES = 350  # of each further room: its text, its places in the entry and in the ring
POSITION = attrgetter("position")
PLACE_BYTES = 16  # of an entry that is gone before older ones of other rooms


def cost(entry: Entry) -> int:
    """Bytes of memory that an entry takes, about. Text beyond Latin-1 takes 2 or 4 a character."""
    return OVERHEAD_BYTES + getsizeof(entry.data) + FURTHER_BYTES * len(entry.further)


class Past(deque[Entry]):
    """The entries of a room with more than one, oldest first."""

    __slots__ = ("bytes", "floor", "room")

    def __init__(self, room: str, *entries: Entry) -> None:
        super().__init__(entries)
        self.room = room  # one text for all the places of the ring
        self.bytes = sum(map(cost, entries))
        self.floor = 0  # the position up to which entries of this room are gone, and others are not


ROOM_BYTES = getsizeof(Past(""))  # twice what a small event takes


class Ring:
    """The newest entries of the journal that fit: of each room without a gap up to the newest."""

    def __init__(
        self,
        max_bytes: int = MAX_RING_BYTES,
        *,
        keep_seconds: float = KEEP_SECONDS,
        room_shares: int = ROOM_SHARES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_bytes = max_bytes
        self._keep_seconds = keep_seconds
        self._room_shares = room_shares
        self._clock = clock
        # The rooms of each position from `_lowest` on: its entry is the oldest of these rooms, or
        # gone. A bare room stands for one.
        self._order: deque[str | tuple[str, ...]] = deque()
        # The entry itself for a room with one, as most have.
        self._rooms: dict[str, Entry | Past] = {}
        self._large: dict[str, Past] = {}  # rooms with more than their share
        self._holders: dict[int, int] = {}  # in how many rooms an entry with further rooms is
        self._bytes = 0
        self._ages: deque[tuple[float, int]] = (
            deque()
        )  # (when, the last position by then), oldest first
        self._lowest = 1  # the lowest position from which on everything is here, but for floors
        self._lock = threading.Lock()  # a reader goes through a room while the follower adds to it

    def start(self, entries: Iterable[Entry], *, following: int) -> None:
        """Forget everything and begin with `entries`, after which position `following` comes."""
        with self._lock:
            for kept in (self._order, self._rooms, self._large, self._holders, self._ages):
                kept.clear()
            self._bytes = 0
            self._lowest = following
            if past := list(entries):
                self._lowest = min(following, past[0].position)
                self._extend(past)

    def add(self, entry: Entry) -> None:
        """The next entry, as extend() with one."""
        self.extend((entry,))

    def extend(self, entries: Sequence[Entry]) -> None:
        """The next entries, at least one; the oldest go when the ring is full, and when they are
        too old."""
        with self._lock:
            self._extend(entries)

    def _extend(self, entries: Sequence[Entry]) -> None:
        rooms, order, total = self._rooms, self._order, 0
        for entry in entries:
            _, room, _, data, further = entry
            if further:
                self._add_to_several(entry)
                continue
            size = OVERHEAD_BYTES + getsizeof(data)
            total += size
            if room in rooms:
                order.append(self._enter(room, entry, size))
            else:
                rooms[room] = entry
                order.append(room)
        self._bytes += total
        while self._bytes > self.max_bytes:
            if self._large:
                self._drop_of(next(iter(self._large.values())))
            else:
                self._drop()
        now = self._clock()
        if not self._ages or now - self._ages[-1][0] >= 1:
            self._ages.append((now, entries[-1].position))
            self._forget(now)

    def _add_to_several(self, entry: Entry) -> None:
        size, rooms = cost(entry), entry.rooms
        self._bytes += size
        self._holders[entry.position] = len(rooms)
        self._order.append(tuple([self._enter(room, entry, size) for room in rooms]))

    def _forget(self, now: float) -> None:
        while self._ages and now - self._ages[0][0] > self._keep_seconds:
            _, until = self._ages.popleft()
            while self._order and self._lowest <= until:
                self._drop()

    def _enter(self, room: str, entry: Entry, size: int) -> str:
        """Add the newest entry of a room -> the room, as one text for all entries."""
        kept = self._rooms.get(room)
        if isinstance(kept, Past):
            kept.append(entry)
            kept.bytes += size
            if kept.bytes * self._room_shares > self.max_bytes:
                self._large[kept.room] = kept
            return kept.room
        if kept is None:
            self._rooms[room] = entry
        else:
            self._rooms[room] = Past(room, kept, entry)
            self._bytes += ROOM_BYTES
        return room

    def _drop(self) -> None:
        """Remove the oldest position."""
        position, rooms = self._lowest, self._order.popleft()
        self._lowest = position + 1
        for room in (rooms,) if type(rooms) is str else rooms:
            kept = self._rooms.get(room)
            if type(kept) is Entry and kept.position == position:
                del self._rooms[room]
                self._release(kept)
            elif type(kept) is Past and kept[0].position == position:
                self._leave(kept)
            else:
                self._bytes -= PLACE_BYTES

    def _drop_of(self, kept: Past) -> None:
        """Remove the oldest entry of a room."""
        kept.floor = kept[0].position
        self._bytes += PLACE_BYTES
        self._leave(kept)

    def _leave(self, kept: Past) -> None:
        entry = kept.popleft()
        kept.bytes -= cost(entry)
        self._release(entry)
        if self._large and (kept.bytes * self._room_shares <= self.max_bytes or len(kept) == 1):
            self._large.pop(kept.room, None)
        if len(kept) <= 1 and kept.floor < self._lowest:
            if kept:
                self._rooms[kept.room] = kept[0]
            else:
                del self._rooms[kept.room]
            self._bytes -= ROOM_BYTES

    def _release(self, entry: Entry) -> None:
        """A room has the entry no more."""
        if entry.further:
            self._holders[entry.position] -= 1
            if not self._holders[entry.position]:
                del self._holders[entry.position]
                self._bytes -= cost(entry)
        else:
            self._bytes -= OVERHEAD_BYTES + getsizeof(entry.data)

    def since(
        self, after: int, *, until: int, rooms: Sequence[str], limit: int
    ) -> list[Entry] | None:
        """Up to `limit` entries of the rooms with after < position <= until, oldest first; None if
        the ring does not reach back to `after` in each of the rooms."""
        found: list[Entry] = []
        with self._lock:
            if after + 1 < self._lowest:
                return None
            for room in rooms:
                kept = self._rooms.get(room)
                if isinstance(kept, Past):
                    if after < kept.floor:
                        return None
                    first = bisect_right(kept, after, key=POSITION)
                    last = bisect_right(kept, until, lo=first, key=POSITION)
                    found += [kept[at] for at in range(first, min(last, first + limit))]
                elif kept is not None and after < kept.position <= until:
                    found.append(kept)
            shared = bool(self._holders)
        if shared:  # an event of several of the rooms was found in each
            found = list({entry.position: entry for entry in found}.values())
        return sorted(found)[:limit]

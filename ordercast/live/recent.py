"""The recent past of a process that starts, read from the journal in few statements: each answer of
the database waits for its turn among the clients that come back.
"""

import time
from collections.abc import Iterator

from ordercast.journal import Entry, Head, Journal, split
from ordercast.live.ring import OVERHEAD_BYTES

RECENT_ENTRIES = 10_000  # if they fit
READ_BYTES = 1_048_576  # of data in one read, unless a single event has more


def recent(journal: Journal, head: Head, *, max_bytes: int) -> Iterator[Entry]:
    """The newest entries up to the head that fit into so much memory, without a gap, oldest first.
    Raises SQLAlchemyError."""
    sizes = journal.sizes(head.position - RECENT_ENTRIES, limit=RECENT_ENTRIES, until=head.position)
    first, capacity = head.position + 1, max_bytes
    fitting: list[tuple[int, int]] = []
    for position, size in reversed(sizes):
        capacity -= size + OVERHEAD_BYTES
        if capacity < 0 or position != first - 1:
            break
        first = position
        fitting.append((position, size))
    ends, _ = split(reversed(fitting), READ_BYTES)
    for end in ends:
        yield from journal.since(first - 1, until=end, limit=RECENT_ENTRIES)
        first = end + 1
        time.sleep(0)  # a read of many events takes long: let other greenlets run

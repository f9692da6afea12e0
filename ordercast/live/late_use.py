"""Whether any client of this database has ever joined or left a room after its connect.

Where none has, as in a service whose rooms all come with the connect, recovery reads no rows: a
thousand clients that come back at once would ask the database each.

A process that has read that there are none relies on that for LEASE_SECONDS. So the first join in
a process marks the database, and waits for so long, and a little, before it writes its row: then
every process reads rows.
"""

import threading
import time

from ordercast.joined import JoinedRooms

LEASE_SECONDS = 0.25
MARGIN_SECONDS = 0.05  # clocks of processes run at slightly different rates


class LateUse:
    """Both methods raise SQLAlchemyError."""

    def __init__(self, store: JoinedRooms) -> None:
        self._store = store
        self._known_since: float | None = None  # monotonic seconds; None: not known to be in use
        self._read_at = -LEASE_SECONDS  # monotonic seconds, when the last read began
        self._lock = threading.Lock()

    def is_possible(self) -> bool:
        """Whether a client that comes back may have rows."""
        if self._known_since is not None:
            return True
        with self._lock:  # one thread reads, the others wait for its result
            began = time.monotonic()
            if self._known_since is None and began - self._read_at >= LEASE_SECONDS:
                if self._store.is_used():
                    self._known_since = time.monotonic()
                else:
                    self._read_at = began
            return self._known_since is not None

    def begin(self) -> None:
        """Return when every process reads the rows of clients that come back."""
        with self._lock:
            if self._known_since is None:
                self._store.mark_used()
                self._known_since = time.monotonic()
            seconds = self._known_since + LEASE_SECONDS + MARGIN_SECONDS - time.monotonic()
        if seconds > 0:
            time.sleep(seconds)

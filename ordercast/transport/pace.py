"""The pace at which a client has to send a body, or take an answer: a deadline for the whole."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

STALL_SECONDS = 30.0  # without one byte
BYTES_PER_SECOND = 1000  # each gives a second more: a large upload on a slow line has its time


class Pace:
    """Counts bytes, and the time that the client is waited for. `seconds` is for the whole, and
    more as bytes come; 0: only a stall ends it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waited = 0.0
        self._moved = 0

    def left(self) -> float:
        """Seconds to wait for the next bytes. Raises TimeoutError."""
        if not self._seconds:
            return STALL_SECONDS
        left = self._seconds + self._moved / BYTES_PER_SECOND - self._waited
        if left <= 0:
            raise TimeoutError("too slow")
        return min(left, STALL_SECONDS)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        since = time.monotonic()
        try:
            yield
        finally:
            self._waited += time.monotonic() - since

    def moved(self, size: int) -> None:
        self._moved += size

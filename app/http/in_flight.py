"""The answers that are on their way: what they hold in memory is bounded for the whole process."""

from collections import Counter
from collections.abc import Callable

from app.metrics import ANSWER_BYTES

MAX_BYTES = 67_108_864  # of memory, for all answers that are being sent
SHARE = 4  # a caller has a quarter of that at most, and one answer in any case
COPIES = 4  # of a piece at once: as rows, as text, as bytes, in the connection


class InFlight:
    """Counts. Used in one process, whose greenlets take turns; a thread more or less is no harm."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._bytes_of: Counter[str] = Counter()  # by caller, without those that have none

    def take(self, piece: int, caller_id: str) -> Callable[[], None] | None:
        """Begin an answer whose largest piece has so many bytes -> what to call at its end; None
        if there is no capacity for it. The first one always has."""
        size, held = piece * COPIES, self._bytes_of[caller_id]
        if self._bytes and self._bytes + size > self._max_bytes:
            return None
        if held and held + size > self._max_bytes // SHARE:
            return None
        self._change(caller_id, size)
        owed = [size]

        def release() -> None:
            if owed:
                self._change(caller_id, -owed.pop())

        return release

    def _change(self, caller_id: str, size: int) -> None:
        self._bytes += size
        self._bytes_of[caller_id] += size
        if not self._bytes_of[caller_id]:
            del self._bytes_of[caller_id]
        ANSWER_BYTES.set(self._bytes)

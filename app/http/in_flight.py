"""Large answers in flight: the memory that they hold is bounded for the whole process."""

from collections import Counter
from collections.abc import Callable

from app.metrics import ANSWER_BYTES

MAX_ANSWERS_BYTES = 67_108_864  # memory of all answers that are being sent
SHARE = 4  # a caller gets a quarter of that at most, but always one answer
COPIES = 4  # of a piece at the same time: rows, text, bytes, the connection's buffer


class InFlight:
    """The count of bytes held, of a process. Not locked: greenlets switch only at I/O, and a small
    error by threads does no harm."""

    def __init__(self, max_bytes: int = MAX_ANSWERS_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._bytes_of: Counter[str] = Counter()  # by caller; callers with 0 are removed

    def reserve(self, piece: int, caller_id: str) -> Callable[[], None] | None:
        """Reserve memory for an answer whose largest piece has `piece` bytes -> a function to call
        at its end; None without capacity. The only answer in flight is always accepted."""
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

"""The answers that are on their way: what they hold in memory is bounded for the whole process."""

from collections.abc import Callable

from app.metrics import ANSWER_BYTES

MAX_BYTES = 67_108_864  # of memory, for all answers that are being sent
COPIES = 4  # of a piece at once: as rows, as text, as bytes, in the connection


class InFlight:
    """Counts. Used in one process, whose greenlets take turns; a thread more or less is no harm."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0

    def take(self, piece: int) -> Callable[[], None] | None:
        """Begin an answer whose largest piece has so many bytes -> what to call at its end; None
        if there is no capacity for it. The first one always has."""
        size = piece * COPIES
        if self._bytes and self._bytes + size > self._max_bytes:
            return None
        self._change(size)
        held = [size]

        def release() -> None:
            if held:
                self._change(-held.pop())

        return release

    def _change(self, size: int) -> None:
        self._bytes += size
        ANSWER_BYTES.set(self._bytes)

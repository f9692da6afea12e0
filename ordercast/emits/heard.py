"""What a worker has heard on the channel and nobody has journalled yet, as far as it knows."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from ordercast.emits import messages
from ordercast.emits.durable import Durable, DurableEmit
from ordercast.emits.leading import Place

logger = logging.getLogger(__name__)
MAX_WAITING_BYTES = 67_108_864  # of payloads, while the database takes none
OVERHEAD_BYTES = 500  # of an emit besides its payload
MAX_MARKS = 10_000  # a worker that starts, or subscribes again, sends one


class Heard(NamedTuple):
    """An emit that becomes an event."""

    place: Place
    emit: DurableEmit
    era: int  # rises with each mark

    @property
    def size(self) -> int:
        return len(self.emit.data.text) + OVERHEAD_BYTES


class Hearing:
    """The emits since this worker's own mark, of which all later ones were heard without a gap.

    Written by the thread that listens, read by the thread that journals. `wake` is called at each
    emit.
    """

    def __init__(self, durable: Durable, *, wake: Callable[[], None]) -> None:
        self._durable = durable
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Heard] = deque()
        self._bytes = 0
        self._place = Place("", 0)
        self._era = 0
        self._eras: dict[str, int] = {}  # of marks, oldest first
        self._own_mark: str | None = None
        self._own_era = 0
        self.is_whole = False  # the own mark was heard, and nothing was missed since

    @property
    def wants_mark(self) -> bool:
        """Whether a mark has to be published for this worker, at which it begins."""
        return self._own_mark is None

    def expect(self, mark: str) -> None:
        """Forget everything, and begin at this mark, which is about to be published. A leader that
        has heard it names no place before it for a message after it."""
        with self._lock:
            self._forget()
            self._own_mark = mark

    def forget(self) -> None:
        """Forget everything, and begin at another mark."""
        with self._lock:
            self._forget()

    def interrupt(self) -> None:
        """Messages may have been missed from now on; what was heard stays."""
        self.is_whole = False

    def reached(self, since: Place) -> Place | None:
        """The place of the last message, if it is after `since` and no emit waits. None after
        interrupt(): emits that came since then were not kept, and are the next leader's."""
        with self._lock:
            if not self.is_whole:
                return None
            era = self._eras.get(since.mark, -1)
            is_after = (self._era, self._place.number) > (era, since.number)
            return self._place if is_after and not self._waiting else None

    def begins(self) -> Place:
        """The place after which everything was heard."""
        return Place(self._own_mark or "", 0)

    def covers(self, place: Place) -> bool:
        """Whether all that comes after this place was heard."""
        with self._lock:
            era = self._eras.get(place.mark, -1)
            return self.is_whole and (not place.mark or era >= self._own_era)

    def hear(self, message: bytes) -> None:
        """The next message of the channel."""
        mark = messages.mark_of(message)
        with self._lock:
            if mark is not None:
                self._begin_era(mark)
                return
            self._place = self._place._replace(number=self._place.number + 1)
            if not self.is_whole:
                return
            emit = self._emit_of(message)
            if emit is None:
                return
            heard = Heard(self._place, emit, self._era)
            self._waiting.append(heard)
            self._bytes += heard.size
            while self._bytes > MAX_WAITING_BYTES:
                lost = self._drop()
                logger.error("an emit from outside is lost", extra={"event": lost.emit.name})
        self._wake()

    def first(self, most: int) -> list[Heard]:
        """Up to so many emits, oldest first."""
        with self._lock:
            return list(islice(self._waiting, most))

    def drop_until(self, place: Place) -> None:
        """Drop what was heard up to this place. A place of a mark that was not heard is older than
        all that waits here."""
        with self._lock:
            era = self._eras.get(place.mark, -1)
            while self._waiting and _position(self._waiting[0]) <= (era, place.number):
                self._drop()

    def _begin_era(self, mark: str) -> None:
        self._era += 1
        self._eras[mark] = self._era
        if len(self._eras) > MAX_MARKS:
            del self._eras[next(iter(self._eras))]
        self._place = Place(mark, 0)
        if mark == self._own_mark:
            self.is_whole, self._own_era = True, self._era

    def _emit_of(self, message: bytes) -> DurableEmit | None:
        try:
            data = messages.read(message)
            return self._durable.read(data) if data["method"] == "emit" else None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None  # a web process logs it
        except Exception:
            # A message on which this fails must not end the thread that listens.
            logger.exception("message of the queue not taken")
            return None

    def _forget(self) -> None:
        self._own_mark, self.is_whole = None, False
        self._waiting.clear()
        self._bytes = 0

    def _drop(self) -> Heard:
        dropped = self._waiting.popleft()
        self._bytes -= dropped.size
        return dropped


def _position(heard: Heard) -> tuple[int, int]:
    return heard.era, heard.place.number

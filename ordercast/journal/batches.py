"""When offsets were given: a sequencer notes its batches in a stream of Redis, for `trace`. The id
of a batch there is its last position, so that one is found by any position in it.

A note goes with the message that is published, in the same pipeline. Nothing is noted more often
than each NOTE_SECONDS: batches in between are noted as one.
"""

import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ordercast.broker import Broker
from ordercast.journal.clock import Clock

NOTE_SECONDS = 0.25
MAX_NOTES = 20_000  # of a journal: an hour and more, however many events there are
KEPT_SECONDS = 86_400 * 7  # after the last note of a journal
EXPIRE_SECONDS = 60.0  # between two times that this is said


@dataclass(frozen=True, slots=True)
class Noted:
    """The positions from `first` to `last` were given between two moments."""

    journal: str
    first: int
    last: int
    after: datetime
    until: datetime
    is_published: bool = True


class Batches:
    """Of one sequencer. Its thread and that of the announcements may call at the same time."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: Noted | None = None  # not noted yet
        self._not_before = 0.0  # monotonic seconds
        self._expire_at = 0.0

    def sequenced(self, journal: str, first: int, last: int) -> None:
        """These positions have been committed just now."""
        now = self._clock.now()
        with self._lock:
            before = self._waiting
            if before is not None and before.journal == journal:
                self._waiting = replace(before, last=max(last, before.last), until=now)
            else:
                self._waiting = Noted(journal, first, last, now, now)

    def note(self, pipeline: Any) -> Noted | None:
        """Add the note that is due to a pipeline, as one command -> it; None if there is none."""
        noted = self._waiting
        now = time.monotonic()
        if noted is None or now < self._not_before:
            return None
        key = self._broker.ledger_batches(noted.journal)
        fields = {"first": noted.first, "after": _ms(noted.after), "until": _ms(noted.until)}
        if not noted.is_published:
            fields["unpublished"] = 1
        pipeline.xadd(key, fields, id=f"{noted.last}-0", maxlen=MAX_NOTES, approximate=True)
        if now >= self._expire_at:
            self._expire_at = now + EXPIRE_SECONDS
            pipeline.expire(key, KEPT_SECONDS)
        return noted

    def written(self, noted: Noted) -> None:
        """The message and the note are out, or another sequencer's note is that covers it."""
        self._not_before = time.monotonic() + NOTE_SECONDS
        with self._lock:
            if self._waiting is noted:
                self._waiting = None

    def failed(self) -> None:
        """The message was not published."""
        with self._lock:
            if self._waiting is not None:
                self._waiting = replace(self._waiting, is_published=False)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)

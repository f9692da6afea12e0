"""The follower: fans the journal out to this process's sockets, in position order, each once.

`last` is the position it has fanned out. Messages from Redis are the fast path: position
`last + 1` is fanned out, a lower one was already. Anything else - a gap, a head that is ahead, a
new subscription, silence - means: read the journal from `last`. So whatever Redis drops, doubles
or delays, only time is lost.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import orjson
from sqlalchemy.exc import SQLAlchemyError

from ordercast.events import CONTROL, CONTROL_ROOM, Canary
from ordercast.journal import Entry, Head, HeadLocked, Journal
from ordercast.live.recent import recent
from ordercast.live.ring import Ring
from ordercast.live.tally import Tally
from ordercast.metrics import (
    COMMIT_TO_FAN_OUT,
    EVENTS_SET_ASIDE,
    JOURNAL_READS,
)
from ordercast.revocation import Mark, mark_of
from ordercast.spans.carried import sent_here

logger = logging.getLogger(__name__)

SILENCE_SECONDS = 1.5  # the head is announced each second; later than this, do not rely on Redis
POLL_SECONDS = 0.4  # between two reads of the journal while there is a reason to
OURS = frozenset({CONTROL_ROOM, ""})  # of control events, and of entries that are no events
PAGE_ROWS = 500  # in one read
PAGE_BYTES = 1_048_576  # of data in one read, unless a single row has more


class Sockets(Protocol):
    """The clients of this process, as far as the follower needs them."""

    def hosts(self, rooms: Collection[str]) -> bool:
        """Whether events of any of these rooms are for a client of this process."""

    def emit_entry(self, entry: Entry) -> None: ...
    def note_position(self, position: int) -> None:
        """All events up to this position are sent, or for nobody here."""

    def dismiss(self, mark: Mark) -> None: ...
    def close_all(self) -> None: ...


class Follower:
    def __init__(self, journal: Journal, sockets: Sockets) -> None:
        self._store = journal
        self._sockets = sockets
        self.ring = Ring()
        self._tally = Tally()
        self._journal = ""  # the name of the journal that has these positions
        self.last = 0  # position fanned out; meaningless until `ready`
        self._ahead = 0  # the highest head that was announced
        self._heard = 0.0  # when Redis last spoke of our journal, monotonic seconds
        self.announced = 0.0  # the same, and not reset by read_soon()
        self._lock = threading.Lock()  # one fan-out at a time, of a message or of a read
        self._wake = threading.Event()
        self.ready = threading.Event()
        self.tried = threading.Event()  # the journal was read, or could not be

    def run(self) -> None:
        """For ever: read the journal whenever Redis cannot be relied on."""
        while True:
            reason = self.step()
            spoke = time.monotonic() - self._heard
            self._wake.wait(POLL_SECONDS if reason else max(POLL_SECONDS, SILENCE_SECONDS - spoke))
            self._wake.clear()

    def step(self) -> str | None:
        """Read the journal if there is a reason to -> that reason: start, gap or silence."""
        reason = self._reason_to_read()
        if reason:
            self._try_read(reason)
        return reason

    def join(self, enter: Callable[[int], None], after: int = 0) -> tuple[int, str]:
        """Let a client get the events of its rooms from now on -> the position up to which it does
        not, and the journal's name. `enter(seen)` lets the client into its rooms; events up to
        `seen` are not sent, because the client has them, up to `after`, or they were fanned out
        before. No event falls in between, and none counts twice."""
        with self._lock:
            enter(max(after, self.last))
            return self.last, self._journal

    def reached(self) -> tuple[str, int]:
        """The journal's name, empty before the start, and the position fanned out."""
        return self._journal, self.last

    def read_soon(self) -> None:
        """Read the journal soon: messages may have been missed."""
        self._heard = 0.0
        self._wake.set()

    def receive(self, message: bytes) -> None:
        """{journal, head, events: [[position, room, name, data], ...], further: [[position,
        [room, ...]], ...]} from a sequencer: `further` has the rooms besides the first. Without it
        the sequencer is of the release before, which leaves them out: then the journal is read."""
        data = orjson.loads(message)
        if data["journal"] != self._journal:
            # Not started yet, another database on this Redis, or a replaced database.
            self.read_soon()
            return
        with self._lock:
            self._heard = self.announced = time.monotonic()
            self._ahead = max(self._ahead, data["head"])
            if "further" in data:
                entries: Sequence[Entry] = _entries(data["events"], data["further"])
                if "traces" in data and self._store.spans is not None:
                    entries = _following(entries, self.last)
                    here = sent_here(data["traces"], entries, self._sockets.hosts)
                    with self._store.spans.fanned_out(here):
                        self._fan_out(entries)
                else:
                    self._fan_out(entries)
        if self._ahead > self.last:
            self._wake.set()
        elif data["head"] < self.last:
            self.read_soon()  # the message was overtaken, or the journal went back

    def tell(self) -> None:
        """Write into the metrics what was fanned out. Returns at once: a read of the journal that
        is under way tells at its end."""
        if self._lock.acquire(blocking=False):
            try:
                self._tally.write(self.last)
            finally:
                self._lock.release()

    def _reason_to_read(self) -> str | None:
        if not self.ready.is_set():
            return "start"
        if self._ahead > self.last:
            return "gap"
        if time.monotonic() - self._heard > SILENCE_SECONDS:
            return "silence"
        return None

    def _try_read(self, reason: str) -> None:
        JOURNAL_READS.labels(reason).inc()
        try:
            with self._lock:
                self._read()
        except HeadLocked as exc:
            logger.warning("journal not readable", extra={"reason": reason, "error": str(exc)})
        except SQLAlchemyError as exc:
            logger.warning("journal not readable", exc_info=exc, extra={"reason": reason})
        except Exception:
            # Keep the loop: without it the process would get no event any more. The next round
            # tries again.
            logger.exception("journal not followed", extra={"reason": reason})
        self.tried.set()

    def _read(self) -> None:
        """Fan out what the journal holds after `last`. The lock is held: messages wait."""
        head = self._store.head()
        # Everything up to `last` was committed before the lock was taken, and the head is read
        # after: a lower head means that the database has lost positions. Not on a read replica,
        # which can be behind without that: the database has to be the primary.
        if head.journal == self._journal and head.position < self.last:
            # Restart the journal before the lost positions are given to other events.
            head = self._store.restart(self._journal, self.last)
        if head.journal != self._journal or head.position < self.last:
            self._start_at(head)
            return
        if head.lowest - 1 > self.last:
            logger.error(
                "events were pruned before they were fanned out",
                extra={"after": self.last, "lowest": head.lowest},
            )
            self.last = head.lowest - 1
            self.ring.start((), following=head.lowest)
            self._sockets.close_all()
        while self.last < head.position:
            entries = self._page(self.last, head)
            following = entries[0].position if entries else head.position + 1
            if following != self.last + 1:
                logger.error(
                    "the journal has a hole", extra={"after": self.last, "next": following}
                )
                self.last = following - 1
            self._fan_out(entries)
            self._tally.write(self.last)
            time.sleep(0)  # a page of large events takes long: let other greenlets run

    def _start_at(self, head: Head) -> None:
        # Read before anything changes: after a failure the next round tries the same again.
        entries = list(recent(self._store, head, max_bytes=self.ring.max_bytes))
        restarted = bool(self._journal)
        if restarted:
            logger.error(
                "the database is another one now; following it from its head",
                extra={"was": self._journal, "now": head.journal, "head": head.position},
            )
        self._journal, self.last, self._ahead = head.journal, head.position, head.position
        self.ring.start(entries, following=head.position + 1)
        self._tally.write(self.last)
        self.ready.set()
        if restarted:
            self._sockets.close_all()

    def _page(self, after: int, head: Head) -> list[Entry]:
        return self._store.page(after, limit=PAGE_ROWS, until=head.position, max_bytes=PAGE_BYTES)

    def _fan_out(self, entries: Sequence[Entry]) -> None:
        """Fan out those of the entries, which are in position order, that follow `last`."""
        entries = _following(entries, self.last)
        if not entries:
            return
        self.ring.extend(entries)
        rooms = {entry.room for entry in entries}
        for entry in entries:
            if entry.further:
                rooms.update(entry.further)
        if rooms.isdisjoint(OURS) and not self._sockets.hosts(rooms):
            # Where there are many processes: most messages.
            self._tally.count(entries)
            self.last = entries[-1].position
        else:
            for entry in entries:
                self.last = entry.position
                self._fan_out_one(entry)
        self._sockets.note_position(self.last)

    def _fan_out_one(self, entry: Entry) -> None:
        if entry.room not in OURS and not self._sockets.hosts(entry.rooms):
            self._tally.count((entry,))
            return
        try:
            self._deliver(entry)
        except Exception:
            # The event would fail again: log its position, and go on with the others.
            logger.exception("event not delivered", extra={"position": entry.position})

    def _deliver(self, entry: Entry) -> None:
        if entry.is_blank:
            EVENTS_SET_ASIDE.inc()
            logger.warning("event passed over", extra={"position": entry.position})
            return
        if entry.room == CONTROL_ROOM:
            order = CONTROL[entry.name].model_validate_json(entry.data)
            if isinstance(order, Canary):
                self._observe(order)
                return  # counted among no events
            self._sockets.dismiss(mark_of(order))
        else:
            self._sockets.emit_entry(entry)
        self._tally.count((entry,))

    def _observe(self, canary: Canary) -> None:
        seconds = self._store.clock.seconds_since(canary.at)
        if seconds is not None:
            COMMIT_TO_FAN_OUT.observe(seconds)


def _entries(events: list[list[Any]], further: list[tuple[int, list[str]]]) -> list[Entry]:
    """The entries of a message, which the sequencer has examined."""
    if not further:
        # As Entry(*event), whose constructor takes twice as long.
        new = tuple.__new__
        return [new(Entry, (*event, ())) for event in events]
    rooms = {position: tuple(names) for position, names in further}
    return [Entry._make((*event, rooms.get(event[0], ()))) for event in events]


def _following(entries: Sequence[Entry], last: int) -> Sequence[Entry]:
    """Those that follow position `last` without a gap; nearly always all."""
    if not entries:
        return entries
    first = entries[0].position
    if first == last + 1 and entries[-1].position == last + len(entries):
        return entries
    following: list[Entry] = []
    for entry in entries:
        if entry.position > last + 1:
            break
        if entry.position == last + 1:
            following.append(entry)
            last += 1
    return following

"""A client's inbox: what it sends is handled in order by one greenlet, which exists only while
there is something to handle: its messages, and at the end its going."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import gevent

ROUNDING = 1e-6  # of sums of fractions

if TYPE_CHECKING:
    from ordercast.transport.session import Session

# What may wait for a client's handlers, in messages and in bytes; then we stop reading.
MAX_INBOX, MAX_INBOX_BYTES = 64, 262_144
TURN_SECONDS = 0.002  # that one client's messages are handled before the others have a turn
# What brings no message: control frames, empty packets, fragments. Twenty cost what a message does,
# and a client whose connection is quiet may send a hundred a second whatever its limit.
OVERHEAD_PER_MESSAGE, OVERHEAD_LEAST = 20, 100


class Inbox:
    """Knows its session only while it handles something: the two are no cycle."""

    __slots__ = ("_items", "_messages_until", "_overhead_until", "_worker")

    def __init__(self) -> None:
        self._items: deque[Any] | None = None  # None: nothing is being handled
        self._worker: gevent.Greenlet | None = None  # that handles it
        # Until when what came would have lasted, at the rate that is allowed; monotonic seconds.
        self._messages_until = 0.0
        self._overhead_until = 0.0

    @property
    def is_full(self) -> bool:
        return self._holds(MAX_INBOX, MAX_INBOX_BYTES)

    @property
    def _is_low(self) -> bool:
        return not self._holds(MAX_INBOX // 2, MAX_INBOX_BYTES // 2)

    def _holds(self, messages: int, size: int) -> bool:
        items = self._items
        if items is None:
            return False
        return len(items) >= messages or sum(map(_size, items)) >= size

    def allows(self, rate: float) -> bool:
        """Whether one more message is within so many per second; 0 is no limit."""
        if rate:
            until = _paid(self._messages_until, rate)
            if until is None:
                return False
            self._messages_until = until
        return True

    def allows_overhead(self, rate: float) -> bool:
        """The same for what brings no message, with the limit of messages."""
        if rate:
            until = _paid(self._overhead_until, max(OVERHEAD_LEAST, rate * OVERHEAD_PER_MESSAGE))
            if until is None:
                return False
            self._overhead_until = until
        return True

    def put(self, item: Any, session: Session) -> None:
        if self._items is None:
            self._items = deque((item,))
            self._worker = gevent.spawn(self._work, session)
        else:
            self._items.append(item)

    def discard(self) -> None:
        """Handle nothing more of what it sent; that it is gone stays to be told."""
        if self._items is not None:
            gone = [item for item in self._items if isinstance(item, Gone)]
            self._items.clear()
            self._items.extend(gone)

    def wait_for_room(self) -> None:
        """Wait until its handlers have caught up, if they are far behind."""
        if self.is_full and self._worker is not None:
            self._worker.join()

    def _work(self, session: Session) -> None:
        items, engine = self._items, session.engine
        assert items is not None
        engine.working += 1
        began = time.monotonic()
        while items:
            item = items.popleft()
            websocket = session.websocket
            if websocket is not None and websocket.paused and self._is_low:
                websocket.resume()
            engine.dispatch(session, item)
            if items and time.monotonic() - began > TURN_SECONDS:
                gevent.sleep(0)  # what many large messages cost, the others do not wait for
                began = time.monotonic()
        self._items = self._worker = None
        engine.working -= 1


def _paid(until: float, rate: float) -> float | None:
    """The next `until`, or None: as many as the rate may come at once, and then at that rate."""
    now = time.monotonic()
    until = max(until, now) + 1 / rate
    return until if until - now <= 1 + ROUNDING else None


def _size(item: Any) -> int:
    return 0 if isinstance(item, Gone) else len(item)


class Gone:
    """The last thing that is handled for a client."""

    __slots__ = ("reason",)

    def __init__(self, why: str) -> None:
        self.reason = why

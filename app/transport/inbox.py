"""A client's inbox: what it sends is handled in order by one greenlet, which exists only while
there is something to handle: its messages, and at the end its going."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import gevent

if TYPE_CHECKING:
    from app.transport.session import Session

MAX_INBOX = 64  # messages that may wait for their handlers; then we stop reading


class Inbox:
    """Knows its session only while it handles something: the two are no cycle."""

    __slots__ = ("_allowance", "_allowed_at", "_items", "_worker")

    def __init__(self, rate: float) -> None:
        self._items: deque[Any] | None = None  # None: nothing is being handled
        self._worker: gevent.Greenlet | None = None  # that handles it
        self._allowance = float(rate)
        self._allowed_at = time.monotonic()

    @property
    def is_full(self) -> bool:
        return self._items is not None and len(self._items) >= MAX_INBOX

    def allows(self, rate: float) -> bool:
        """Whether one more message is within so many per second; 0 is no limit."""
        # A bucket that holds what is allowed in a second, and fills at that rate.
        if not rate:
            return True
        now = time.monotonic()
        self._allowance = min(rate, self._allowance + (now - self._allowed_at) * rate)
        self._allowed_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
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
        while items:
            item = items.popleft()
            if len(items) == MAX_INBOX // 2 and session.websocket is not None:
                session.websocket.resume()
            engine.dispatch(session, item)
        self._items = self._worker = None
        engine.working -= 1


class Gone:
    """The last thing that is handled for a client."""

    __slots__ = ("reason",)

    def __init__(self, why: str) -> None:
        self.reason = why

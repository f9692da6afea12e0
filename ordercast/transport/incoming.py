"""The messages of a client that wait for their handlers: handled in order by one greenlet, which
exists only while there is something to handle. The last item says that the client is gone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar

import gevent

from ordercast.transport.endings import Reason

ROUNDING = 1e-6  # of sums of fractions

# Messages that may wait for a client's handlers; at either limit reading from the client stops.
MAX_INCOMING_MESSAGES, MAX_INCOMING_BYTES = 64, 262_144
TURN_SECONDS = 0.002  # of one client's messages, before those of the others have a turn
# Control frames, empty packets and fragments bring no message. Twenty of them cost what a message
# does, and a client whose connection is quiet may send a hundred a second whatever its limit.
OVERHEAD_PER_MESSAGE, OVERHEAD_LEAST = 20, 100


class Gone:
    """The last item: the client is gone."""

    __slots__ = ("reason",)

    def __init__(self, reason: Reason) -> None:
        self.reason = reason


Item = str | bytes | Gone


class Readable(Protocol):
    """The session whose messages these are."""

    @property
    def paused(self) -> bool:
        """Whether reading from the client has stopped."""

    def resume(self) -> None:
        """Read from the client again."""


ClientT = TypeVar("ClientT", bound=Readable)
HandledT = TypeVar("HandledT", contravariant=True)


class Handlers(Protocol[HandledT]):
    """The handlers of the messages."""

    def spawn(self, work: Callable[[], None]) -> gevent.Greenlet: ...
    def handle(self, client: HandledT, item: Item, /) -> None:
        """Call the client's handlers, which may block. Raises nothing."""


class Incoming:
    """Knows the client only while there is something to handle: the two are no reference cycle."""

    __slots__ = ("_items", "_messages_until", "_overhead_until", "_worker")

    def __init__(self) -> None:
        self._items: deque[Item] | None = None  # None: nothing is being handled
        self._worker: gevent.Greenlet | None = None
        # Until when the messages so far would have lasted at the allowed rate; monotonic seconds.
        self._messages_until = 0.0
        self._overhead_until = 0.0

    @property
    def is_idle(self) -> bool:
        """Everything is handled."""
        return self._items is None

    @property
    def is_handled_here(self) -> bool:
        """Whether the present greenlet handles a message: the next waits for its end."""
        return self._worker is not None and self._worker is gevent.getcurrent()

    @property
    def is_full(self) -> bool:
        return self._holds(MAX_INCOMING_MESSAGES, MAX_INCOMING_BYTES)

    @property
    def _is_low(self) -> bool:
        return not self._holds(MAX_INCOMING_MESSAGES // 2, MAX_INCOMING_BYTES // 2)

    def _holds(self, messages: int, size: int) -> bool:
        items = self._items
        if items is None:
            return False
        return len(items) >= messages or sum(map(_size, items)) >= size

    def allows(self, rate: float) -> bool:
        """Whether one more message is within `rate` a second; 0 is no limit."""
        if rate:
            until = _paid(self._messages_until, rate)
            if until is None:
                return False
            self._messages_until = until
        return True

    def allows_overhead(self, rate: float) -> bool:
        """Whether one more frame or packet without a message is within a limit made of `rate`."""
        if rate:
            until = _paid(self._overhead_until, max(OVERHEAD_LEAST, rate * OVERHEAD_PER_MESSAGE))
            if until is None:
                return False
            self._overhead_until = until
        return True

    def put(self, item: Item, client: ClientT, handlers: Handlers[ClientT]) -> None:
        if self._items is None:
            self._items = deque((item,))
            self._worker = handlers.spawn(lambda: self._work(client, handlers))
        else:
            self._items.append(item)

    def discard(self) -> None:
        """Drop the messages that wait, but keep the item that says that the client is gone."""
        if self._items is not None:
            gone = [item for item in self._items if isinstance(item, Gone)]
            self._items.clear()
            self._items.extend(gone)

    def wait_for_capacity(self) -> None:
        """Wait until the handlers have caught up, if they are far behind."""
        if self.is_full and self._worker is not None:
            self._worker.join()

    def _work(self, client: ClientT, handlers: Handlers[ClientT]) -> None:
        items = self._items
        assert items is not None
        began = time.monotonic()
        while items:
            item = items.popleft()
            if client.paused and self._is_low:
                client.resume()
            handlers.handle(client, item)
            if items and time.monotonic() - began > TURN_SECONDS:
                gevent.sleep(0)  # many large messages of one client do not keep the others waiting
                began = time.monotonic()
        self._items = self._worker = None


def _paid(until: float, rate: float) -> float | None:
    """The next `until`; None if one more message is too much. `rate` messages may come at once, and
    then as many each second."""
    now = time.monotonic()
    until = max(until, now) + 1 / rate
    return until if until - now <= 1 + ROUNDING else None


def _size(item: Item) -> int:
    return 0 if isinstance(item, Gone) else len(item)

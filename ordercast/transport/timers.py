"""One libev timer for all the deadlines of a process."""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import gevent

logger = logging.getLogger(__name__)


class Timers:
    """Calls back in the hub: a callback must not block. There is no cancelling: a callback checks
    by itself whether it is still needed."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._order = count()  # of two at the same moment the first made is called first
        self._timer: Any = None
        self._armed = float("inf")  # for when; monotonic seconds

    def __len__(self) -> int:
        """The deadlines that are still to come."""
        return len(self._heap)

    def after(self, seconds: float, call: Callable[[Any], None], argument: Any) -> None:
        """Call `call(argument)` in so many seconds."""
        due = time.monotonic() + seconds
        heapq.heappush(self._heap, (due, next(self._order), call, argument))
        if due < self._armed:
            self._arm(due)

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
        self._armed = due
        self._timer = gevent.get_hub().loop.timer(max(0.0, due - time.monotonic()))
        self._timer.start(self._fire)

    def _fire(self) -> None:
        self._armed = float("inf")
        now = time.monotonic()
        while self._heap and self._heap[0][0] <= now:
            _, _, call, argument = heapq.heappop(self._heap)
            try:
                call(argument)
            except Exception:
                # A callback that fails must not stop the clock for the others.
                logger.exception("a deadline was not kept")
        if self._heap:
            self._arm(self._heap[0][0])

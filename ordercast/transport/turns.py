"""Turns of the loop: heavy work that many clients cause in the same moment, with others in between.

gevent calls fifty greenlets before it asks which sockets have become readable, and a greenlet that
was spawned then runs behind all that are ready. When a hundred clients come back at once and each
costs a millisecond, a request of somebody else would wait for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

TURN_SECONDS = 1e-6  # a whole turn of the loop, with its sockets; sleep(0) is none


class Turns:
    """At most `at_once` pieces of work begin in one turn of the loop, in the order in which they
    asked. `lock` and `sleep`: those of the greenlets, or threads, that do the work."""

    def __init__(
        self,
        lock: AbstractContextManager[object],
        sleep: Callable[[float], object],
        *,
        at_once: int = 1,
    ) -> None:
        self._lock = lock
        self._sleep = sleep
        self._at_once = at_once
        self._begun = 0

    def wait(self) -> None:
        """Wait until a piece of work may begin."""
        with self._lock:
            self._begun += 1
            if self._begun % self._at_once == 0:
                self._sleep(TURN_SECONDS)

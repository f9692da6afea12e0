"""Password hashing of a process: one thread, a short queue, a lower priority.

A hash takes 64 MiB and about 0.1 s of several threads' time. In gevent's thread pool, ten at once
took 640 MiB and every core from the event loop. Here a process makes one hash at a time. Its
thread, and the threads that argon2 starts from it, yield to the event loop when both want the
processor. A caller past the queue's limit is refused at once.
"""

import os
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from gevent import monkey
from gevent.threadpool import ThreadPool

from app.accounts.errors import TooBusy
from app.metrics import HASHING_REFUSED, PASSWORDS_WAITING

T = TypeVar("T")

NICENESS = 4  # above the process's: the event loop gets 5:2 when both want the same core
RETRY_SECONDS = 2  # Retry-After of a caller for whom the queue has no capacity


class HashingPlace:
    """`run` calls the function in the hashing thread and returns its result.

    Raises TooBusy when `limit` callers wait already (0: no limit). Each process starts its thread
    at the first use, after the fork. Without gevent, as in commands, no event loop has to stay
    free: the caller's own thread makes the hash.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._callers = 0  # in the thread and in the queue
        self._pool: ThreadPool | None = None

    def run(self, function: Callable[[], T]) -> T:
        if not monkey.is_module_patched("threading"):
            return function()
        if self._limit and self._callers > self._limit:
            HASHING_REFUSED.inc()
            raise TooBusy(RETRY_SECONDS)
        self._callers += 1
        PASSWORDS_WAITING.set(max(0, self._callers - 1))
        try:
            return self._thread().apply(function)  # type: ignore[no-any-return]
        finally:
            self._callers -= 1
            PASSWORDS_WAITING.set(max(0, self._callers - 1))

    def _thread(self) -> ThreadPool:
        if self._pool is None:
            self._pool = ThreadPool(1)
            self._pool.spawn(_yield_to_others)
        return self._pool


def _yield_to_others() -> None:
    """Lower this thread's priority. On Linux each thread has its own, inherited by its children."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + NICENESS
        os.setpriority(os.PRIO_PROCESS, thread, min(niceness, 19))

"""The place where a process hashes passwords: one thread, a short queue, a lower priority.

A hash takes 64 MiB and about 0.1 s of several threads' time. In the hub's thread pool, ten at once
took 640 MiB and every core from the event loop. Here one is made at a time, for the price of 64
MiB; its thread, and those that argon2 starts from it, come after the event loop where both want the
processor; and those that would wait too long are told at once to come back.
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

NICENESS = 4  # more than the process's: the event loop weighs 5:2 where both want the same core
RETRY_SECONDS = 2  # what those are told for whom there is no place in the queue


class HashingPlace:
    """`run` calls the function in the place's thread and returns what it returns.

    Raises TooBusy when already `limit` callers wait (0: any number may). One for each process, made
    when it is first used: after the fork. Outside of gevent, in commands, there is nothing to keep
    free: the caller's own thread does it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._callers = 0  # those whose turn it is, and those who wait
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
    """On Linux a thread has a priority of its own, which those that it starts inherit."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + NICENESS
        os.setpriority(os.PRIO_PROCESS, thread, min(niceness, 19))

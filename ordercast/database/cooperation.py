"""Waiting for PostgreSQL in gevent's hub.

In a process that gevent patched, psycopg waits with gevent's `select.poll`, which makes an event
and several objects more for each statement: a quarter of the CPU of an order change. One `io`
watcher and one timer that switch to the greenlet do the same for less.
"""

import math
import os
import time
from collections.abc import Generator
from typing import TypeVar

import psycopg
from gevent.hub import Waiter, get_hub
from psycopg.pq.abc import PGconn
from psycopg.waiting import Ready, Wait

T = TypeVar("T")
# libev's EV_READ and EV_WRITE are also the values of psycopg's Wait and Ready.
BOTH = Wait.RW


def wait(
    generator: Generator[int, int, T],
    session: PGconn,
    *,
    check_seconds: float,
    most_seconds: float | None,
) -> T:
    """Drive a generator of psycopg's to its end, as psycopg.waiting.wait does -> its result.

    The generator yields what it waits for (Wait), and is sent what is ready (Ready), or Ready.NONE
    every `check_seconds`. Other greenlets run meanwhile; the caller holds the connection's lock.
    The session is closed when anything is thrown into the waiting greenlet: the rest of the answer
    would be the next statement's.

    Raises psycopg.OperationalError after `most_seconds`, or if the descriptor was closed, and what
    the generator raises.
    """
    descriptor = session.socket
    deadline = math.inf if most_seconds is None else time.monotonic() + most_seconds
    try:
        wanted = next(generator)
        while (left := deadline - time.monotonic()) > 0:
            try:
                ready = _ready(descriptor, wanted, min(check_seconds, left))
            except BaseException:  # thrown into the greenlet while it waited
                session.finish()
                raise
            if not ready:
                _refuse_closed(descriptor)
            wanted = generator.send(ready)
    except StopIteration as ended:
        result: T = ended.value
        return result
    raise psycopg.OperationalError(f"no answer within {most_seconds} s")


def _ready(descriptor: int, wanted: int, seconds: float) -> int:
    """What the descriptor is ready for, of what is wanted; Ready.NONE after so long."""
    hub = get_hub()
    waiter = Waiter(hub)
    watcher, timer = hub.loop.io(descriptor, wanted), hub.loop.timer(seconds)
    try:
        watcher.start(waiter.switch, pass_events=True)
        timer.start(waiter.switch, Ready.NONE)
        events: int = waiter.get()
        return events & BOTH
    finally:
        # A greenlet that is killed, or times out, must not be switched to any more.
        watcher.stop()
        watcher.close()
        timer.stop()
        timer.close()


def _refuse_closed(descriptor: int) -> None:
    """Another greenlet may have closed the descriptor: epoll does not tell."""
    try:
        os.fstat(descriptor)
    except OSError as exc:
        raise psycopg.OperationalError("connection socket closed") from exc

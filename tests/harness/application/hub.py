"""gevent's hub in the test's own process, which is not patched: it turns when it is asked to."""

import _socket
import socket
import time
from collections.abc import Callable
from typing import Any

import gevent

from ordercast.transport import Timers
from tests.harness.waiting import DEADLINE_SECONDS


def turn_until(condition: Callable[[], Any], what: str) -> None:
    """Let the hub turn until the condition is true. Raises TimeoutError."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        gevent.sleep(0.001)


def turn() -> None:
    """Let the hub see what is there: it looks at every watcher at least once."""
    for _ in range(3):
        gevent.sleep(0.001)


def pair() -> tuple[_socket.socket, socket.socket]:
    """Two ends: ours as the transport has it, and the client's."""
    ours, client = socket.socketpair()
    raw = _socket.socket(ours.family, ours.type, ours.proto, fileno=ours.detach())
    raw.settimeout(0.0)
    client.settimeout(0.0)
    return raw, client


class Clock(Timers):
    """In the place of Timers: what is due is called when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.due: list[tuple[float, Callable[[Any], None], Any]] = []

    def after(self, seconds: float, call: Callable[[Any], None], argument: Any) -> None:
        self.due.append((seconds, call, argument))

    def strike(self) -> None:
        """Every deadline passes."""
        due, self.due = self.due, []
        for _, call, argument in due:
            call(argument)

"""The heartbeat (Engine.IO protocol 4): the server pings each client, and ends the session of a
client that does not answer in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from ordercast.transport.endings import Ending, TransportEnding

if TYPE_CHECKING:
    from ordercast.transport.limits import Limits
    from ordercast.transport.timers import Timers


class Pinged(Protocol):
    """A session, as far as its heartbeat goes."""

    @property
    def closed(self) -> bool: ...
    @property
    def is_behind(self) -> bool:
        """Messages wait for their handlers, and no more is read: the PONG may be unread."""

    def ping(self) -> None: ...
    def end(self, ending: Ending) -> None: ...


class Heartbeat:
    """The heartbeat of all sessions of an engine; an interval or timeout of 0 is never."""

    def __init__(self, timers: Timers, limits: Limits) -> None:
        self._timers = timers
        self._interval = limits.ping_interval
        self._timeout = limits.ping_timeout
        self._asked: dict[Pinged, float] = {}  # since when each answer is due, monotonic seconds
        # Made once: a deadline that held a bound method of its own would cost each session 64 B.
        self._on_interval = self._ping
        self._on_timeout = self.check

    def begin(self, session: Pinged) -> None:
        """Ping the session after the next interval."""
        if self._interval:
            self._timers.after(self._interval, self._on_interval, session)

    def answered(self, session: Pinged) -> bool:
        """Note a PONG -> whether it answers a ping."""
        if self._asked.pop(session, None) is None:
            return False
        self.begin(session)
        return True

    def check(self, session: Pinged) -> None:
        """End the session if its answer is overdue."""
        asked = self._asked.get(session)
        if asked is None or not self._timeout or time.monotonic() - asked < self._timeout:
            return
        if session.is_behind:
            self._timers.after(self._timeout, self._on_timeout, session)
        else:
            session.end(TransportEnding.PING_TIMEOUT)

    def forget(self, session: Pinged) -> None:
        """Forget a session that has ended."""
        self._asked.pop(session, None)

    def _ping(self, session: Pinged) -> None:
        if session.closed:
            return
        self._asked[session] = time.monotonic()
        session.ping()
        if self._timeout:
            self._timers.after(self._timeout, self._on_timeout, session)

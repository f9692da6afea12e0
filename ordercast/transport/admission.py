"""Which sessions count for which limit.

Every count of sessions goes up and down here, and a session passes through in this order:

    open ──▶ unauthenticated ──accept──▶ authenticated ──leave──▶ unauthenticated ...
                    └───────────────── close ──────────────┘        once, from either

An unauthenticated session has `connect_timeout` seconds, and makes room when there are too many. A
closed one counts for nothing, also while it waits for its client's last poll.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from engineio.base_server import BaseServer

from ordercast.transport.answers import ADDRESS_FULL, FULL, Refused

if TYPE_CHECKING:
    from ordercast.transport.limits import Limits
    from ordercast.transport.session import Session
    from ordercast.transport.timers import Timers

logger = logging.getLogger(__name__)
TRY_AGAIN = 1013  # a WebSocket's close code, registered with IANA: come back later


class Admission:
    """`on_unauthenticated` counts the sessions that are closed as such, and `on_full` the clients
    that are refused."""

    def __init__(
        self,
        limits: Limits,
        timers: Timers,
        *,
        on_unauthenticated: Callable[[], None],
        on_full: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._timers = timers
        self._on_unauthenticated = on_unauthenticated
        self._on_full = on_full
        self.authenticated = 0
        self.unauthenticated = 0
        # The unauthenticated sessions by address, each with when it became one (monotonic
        # seconds); the oldest is the first, of the addresses as of the sessions of each.
        self._since: dict[str, dict[Session, float]] = {}
        self.addresses: Counter[str] = Counter()  # open sessions; empty without that limit

    def check(self, address: str) -> None:
        """Whether one more client may try. Raises Refused."""
        if self._is_full:
            self._on_full()
            raise Refused(*FULL)
        if 0 < self._limits.max_sessions_per_address <= self.addresses[address]:
            self._on_full()
            raise Refused(*ADDRESS_FULL)

    def open(self, session: Session) -> None:
        """Count a new session, in the place of an older unauthenticated one if need be."""
        if session.address and self._limits.max_sessions_per_address:
            self.addresses[session.address] += 1  # a Unix socket's clients have no address
        self._begin(session)

    def accept(self, session: Session) -> bool:
        """The session's client is accepted; False if too many are already."""
        if session.closed or session.confirmed:
            return True
        if self._is_full:
            self._on_full()
            return False
        self._end(session)
        session.confirmed = True
        self.authenticated += 1
        return True

    def leave(self, session: Session) -> None:
        """The client has left its last namespace, and the session stays: as after its handshake."""
        if session.confirmed:
            session.confirmed = False
            self.authenticated -= 1
            self._begin(session)

    def close(self, session: Session) -> None:
        """The session counts no more; again, or if it never did, is harmless."""
        if session.confirmed:
            session.confirmed = False
            self.authenticated -= 1
        elif not self._end(session):
            return
        if session.address in self.addresses:
            self.addresses[session.address] -= 1
            if not self.addresses[session.address]:
                del self.addresses[session.address]

    @property
    def _is_full(self) -> bool:
        return 0 < self._limits.max_sessions <= self.authenticated

    @property
    def _is_crowded(self) -> bool:
        limits, open_ = self._limits, self.authenticated + self.unauthenticated
        return (
            0 < limits.max_unauthenticated <= self.unauthenticated or 0 < limits.max_open <= open_
        )

    def _begin(self, session: Session) -> None:
        while self.unauthenticated and self._is_crowded:
            self._make_room(self._eldest())
        self._since.setdefault(session.address, {})[session] = time.monotonic()
        self.unauthenticated += 1
        if self._limits.connect_timeout:
            self._timers.after(self._limits.connect_timeout, _look, session)

    def _end(self, session: Session) -> bool:
        sessions = self._since.get(session.address, {})
        if sessions.pop(session, None) is None:
            return False
        if not sessions:
            del self._since[session.address]
        self.unauthenticated -= 1
        return True

    def _eldest(self) -> Session:
        # From the address with the most of them: one that hammers pushes out its own. Those whose
        # connect handler decides at this moment go last.
        sessions = max(self._since.values(), key=len)
        first = next(iter(sessions))
        return next((session for session in sessions if session.held is None), first)

    def look(self, session: Session) -> None:
        """Close the session if its time to authenticate is over."""
        # A deadline of an earlier time without a namespace may strike in a later one.
        since = self._since.get(session.address, {}).get(session)
        if since is not None and time.monotonic() - since >= self._limits.connect_timeout:
            logger.info("not authenticated in time", extra={"engine": session.sid})
            self._on_unauthenticated()
            session.close(reason=BaseServer.reason.TRANSPORT_CLOSE)

    def _make_room(self, session: Session) -> None:
        self._on_unauthenticated()
        session.close(
            abort=session.websocket is None,
            code=TRY_AGAIN,
            text="Too many unauthenticated connections",
            reason=BaseServer.reason.TRANSPORT_CLOSE,
        )


def _look(session: Session) -> None:
    session.engine.admission.look(session)

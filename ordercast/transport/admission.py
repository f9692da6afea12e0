"""Which sessions count for which limit.

Every count of sessions goes up and down here, and a session passes through in this order:

    open ──▶ unauthenticated ──accept──▶ authenticated ──leave──▶ unauthenticated ...
                    └───────────────── close ──────────────┘        once, from either

An unauthenticated session has `connect_timeout` seconds, and the oldest is ended when there are too
many. A session that has ended counts for nothing, also while it waits for its client's last poll.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ordercast.transport.answers import ADDRESS_FULL, FULL, Refused
from ordercast.transport.endings import Ending, TransportEnding

if TYPE_CHECKING:
    from ordercast.transport.limits import Limits
    from ordercast.transport.timers import Timers

logger = logging.getLogger(__name__)


class Admitted(Protocol):
    """A session, as far as the limits are concerned."""

    @property
    def sid(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def authenticated(self) -> bool: ...
    @property
    def connecting(self) -> bool:
        """A CONNECT is not answered yet: its connect handler may run."""

    def end(self, ending: Ending) -> None: ...


class Admission:
    """`on_full` counts the clients that are refused."""

    def __init__(
        self,
        limits: Limits,
        timers: Timers,
        *,
        on_full: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._timers = timers
        self._on_full = on_full
        self.authenticated = 0
        self.unauthenticated = 0
        # The unauthenticated sessions by address, each with the time since which it is
        # unauthenticated (monotonic seconds); addresses and sessions from the oldest on.
        self._since: dict[str, dict[Admitted, float]] = {}
        self.addresses: Counter[str] = Counter()  # open sessions; empty without that limit
        # Made once: a bound method in each deadline would cost each session 64 B.
        self._on_deadline = self._expire

    def check(self, address: str) -> None:
        """Check that there is capacity for one more client. Raises Refused."""
        if self._is_full:
            self._on_full()
            raise Refused(*FULL)
        if 0 < self._limits.max_sessions_per_address <= self.addresses[address]:
            self._on_full()
            raise Refused(*ADDRESS_FULL)

    def open(self, session: Admitted) -> None:
        """Count a new session, in the place of an older unauthenticated session if need be."""
        if session.address and self._limits.max_sessions_per_address:
            self.addresses[session.address] += 1  # a Unix socket's clients have no address
        self._begin(session)

    def accept(self, session: Admitted) -> bool:
        """Count an unauthenticated session as authenticated; False if too many are already."""
        if self._is_full:
            self._on_full()
            return False
        self._end(session)
        self.authenticated += 1
        return True

    def leave(self, session: Admitted) -> None:
        """Count an authenticated session as unauthenticated again."""
        self.authenticated -= 1
        self._begin(session)

    def close(self, session: Admitted) -> None:
        """Count the session no more; for an unauthenticated one a second call is harmless."""
        if session.authenticated:
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

    def _begin(self, session: Admitted) -> None:
        while self.unauthenticated and self._is_crowded:
            self._eldest().end(TransportEnding.CROWDED_OUT)
        self._since.setdefault(session.address, {})[session] = time.monotonic()
        self.unauthenticated += 1
        if self._limits.connect_timeout:
            self._timers.after(self._limits.connect_timeout, self._on_deadline, session)

    def _end(self, session: Admitted) -> bool:
        sessions = self._since.get(session.address, {})
        if sessions.pop(session, None) is None:
            return False
        if not sessions:
            del self._since[session.address]
        self.unauthenticated -= 1
        return True

    def _eldest(self) -> Admitted:
        # From the address with the most sessions: a client that opens many ends its own. Sessions
        # whose connect handler runs are ended last.
        sessions = max(self._since.values(), key=len)
        first = next(iter(sessions))
        return next((session for session in sessions if not session.connecting), first)

    def _expire(self, session: Admitted) -> None:
        # The session may have been authenticated since this deadline was set, and be
        # unauthenticated again, with a later deadline.
        since = self._since.get(session.address, {}).get(session)
        if since is not None and time.monotonic() - since >= self._limits.connect_timeout:
            logger.info("not authenticated in time", extra={"engine": session.sid})
            session.end(TransportEnding.UNAUTHENTICATED)

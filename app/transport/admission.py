"""Which sessions count for which limit.

Every count of sessions goes up and down here, and a session passes through in this order:

    open ──▶ unauthenticated ──accept──▶ authenticated ──leave──▶ unauthenticated ...
                    └───────────────── close ──────────────┘        once, from either

A closed session counts for nothing, also while it waits for its client's last poll.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.transport.answers import ADDRESS_FULL, FULL, Refused

if TYPE_CHECKING:
    from app.transport.limits import Limits
    from app.transport.session import Session


class Admission:
    """`evict` closes a session whose place another one takes."""

    def __init__(self, limits: Limits, evict: Callable[[Session], None]) -> None:
        self._limits = limits
        self._evict = evict
        self.authenticated = 0
        self.unauthenticated = 0
        # The unauthenticated sessions by address, each with when it became one (monotonic
        # seconds); the oldest is the first, of the addresses as of the sessions of each.
        self._since: dict[str, dict[Session, float]] = {}
        self.addresses: Counter[str] = Counter()  # open sessions; empty without that limit

    def check(self, address: str) -> None:
        """Whether one more client may try. Raises Refused."""
        if self.is_full:
            raise Refused(*FULL)
        most = self._limits.max_sessions_per_address
        if most and self.addresses[address] >= most:
            raise Refused(*ADDRESS_FULL)

    @property
    def is_full(self) -> bool:
        """As many clients are accepted as there may be."""
        return 0 < self._limits.max_sessions <= self.authenticated

    def open(self, session: Session) -> None:
        """Count a new session, in the place of an older unauthenticated one if need be."""
        while self.unauthenticated and self._is_crowded:
            self._evict(self._eldest())
        if session.address and self._limits.max_sessions_per_address:
            self.addresses[session.address] += 1  # a Unix socket's clients have no address
        self._begin(session)

    @property
    def _is_crowded(self) -> bool:
        limits, open_ = self._limits, self.authenticated + self.unauthenticated
        return (
            0 < limits.max_unauthenticated <= self.unauthenticated or 0 < limits.max_open <= open_
        )

    def accept(self, session: Session) -> bool:
        """The session's client is accepted; False if too many are already."""
        if session.closed or session.confirmed:
            return True
        if self.is_full:
            return False
        self._end(session)
        session.confirmed = True
        self.authenticated += 1
        return True

    def leave(self, session: Session) -> None:
        """The session stays, and nobody is behind it any more: as after its handshake."""
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

    def waited(self, session: Session) -> float:
        """Seconds since it became unauthenticated; 0.0 if it is not."""
        since = self._since.get(session.address, {}).get(session)
        return 0.0 if since is None else time.monotonic() - since

    def _begin(self, session: Session) -> None:
        self._since.setdefault(session.address, {})[session] = time.monotonic()
        self.unauthenticated += 1

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

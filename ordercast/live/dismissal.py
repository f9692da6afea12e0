"""Dismissal: revocations close their connections within a second, whatever else is down.

A control event of the journal tells of a revocation when a worker runs. Here the table itself is
read, with one indexed query each READ_SECONDS while there are connections: no worker and no Redis
is needed. A revocation by this process itself takes effect at once.
"""

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from ordercast.live.connections import Connections
from ordercast.revocation import Mark, Revocations

logger = logging.getLogger(__name__)
READ_SECONDS = 0.75


class Dismissal:
    """`close`: ends the connections that a revocation hits."""

    def __init__(
        self,
        connections: Connections,
        revocations: Revocations,
        close: Callable[[Mark], None],
    ) -> None:
        self._connections = connections
        self._revocations = revocations
        self._close = close
        self._wake = threading.Event()
        self._loads = 0
        self._readable = True

    def on_revoked(self, mark: Mark) -> None:
        """Note a revocation that this process itself has committed."""
        self._revocations.learn(mark)
        self._wake.set()

    def run(self) -> None:
        """Read the table again and again, for ever."""
        while True:
            self._wake.wait(READ_SECONDS)
            self._wake.clear()
            try:
                self.step()
            except Exception:
                # Without this loop revoked tokens would keep their connections; the next round
                # tries again.
                logger.exception("revocations not followed")

    def step(self) -> None:
        """Read the table, and end the connections that have been revoked since."""
        if not self._connections.all():
            self._revocations.pop_learned()
            return
        try:
            self._revocations.refresh(READ_SECONDS / 2)
        except SQLAlchemyError as exc:
            if self._readable:
                logger.warning("revocations not readable", exc_info=exc)
            self._readable = False
        else:
            self._readable = True
        for mark in self._to_close():
            try:
                self._close(mark)
            except Exception:
                # One of the service's own rules may fail. Go on: the others come only once.
                logger.exception("connections not closed", extra={"kind": mark.kind})

    def _to_close(self) -> list[Mark]:
        learned = self._revocations.pop_learned()
        if self._loads != self._revocations.loads:
            # The whole table was read: check each connection, instead of each revocation.
            self._loads = self._revocations.loads
            known = [self._revocations.known(one.identity) for one in self._connections.all()]
            learned += [mark for mark in known if mark is not None]
        return learned

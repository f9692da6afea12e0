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
from ordercast.live.revocations import Revocations
from ordercast.revocation import Mark

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
            self._revocations.take_news()
            return
        try:
            self._revocations.look(READ_SECONDS / 2)
        except SQLAlchemyError as exc:
            if self._readable:
                logger.warning("revocations not readable", exc_info=exc)
            self._readable = False
        else:
            self._readable = True
        for mark in self._news():
            try:
                self._close(mark)
            except Exception:
                # One of the service's own rules may fail. Go on: the other news come only once.
                logger.exception("connections not closed", extra={"kind": mark.kind})

    def _news(self) -> list[Mark]:
        news = self._revocations.take_news()
        if self._loads != self._revocations.loads:
            # The whole table was read: check each connection, instead of each revocation.
            self._loads = self._revocations.loads
            known = [self._revocations.known(one.identity) for one in self._connections.all()]
            news += [mark for mark in known if mark is not None]
        return news

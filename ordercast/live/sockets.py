"""The sockets of this process, as the journal and revocations reach them: sending, and ending."""

import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from ordercast.endings import Ending, ServiceEnding
from ordercast.errors import TokenError, TokenExpired
from ordercast.journal import Entry
from ordercast.live import counting
from ordercast.live.closing import close
from ordercast.live.connections import NOBODY, Connections
from ordercast.live.delivery import Delivery
from ordercast.live.emits import EmitManager
from ordercast.live.live_server import LiveServer
from ordercast.live.member import NAMESPACE
from ordercast.revocation import Mark, Revocations

logger = logging.getLogger(__name__)
GOOD_BYE_SECONDS = 1.0  # between a server's disconnect and the end of the transport


class Sockets:
    """`leaving` is told the sid of a client that leaves, while it is still in its rooms.
    `start_task` runs a function in the background. `keeps_transports`: the transport tells when
    a session is over, so that a client that has left the namespace is remembered until then."""

    def __init__(
        self,
        manager: EmitManager,
        delivery: Delivery,
        connections: Connections,
        revocations: Revocations,
        *,
        leaving: Callable[[str], None],
        start_task: Callable[..., object],
        keeps_transports: bool,
    ) -> None:
        self._manager = manager
        self._delivery = delivery
        self._connections = connections
        self._revocations = revocations
        self._leaving = leaving
        self._start_task = start_task
        self._keeps_transports = keeps_transports

    def hosts(self, rooms: Collection[str]) -> bool:
        """Whether events of any of these rooms are for a client of this process."""
        return self._manager.hosts(rooms)

    def note_position(self, position: int) -> None:
        """All events of the journal up to this position are sent, or for nobody here."""
        self._delivery.note_position(position)

    def emit_entry(self, entry: Entry) -> None:
        """Send a durable event to the clients of its rooms."""
        self._manager.emit_entry(entry)

    def close_all(self) -> None:
        """Close all connections, because the events that follow do not continue what the clients
        have: they come back by themselves, are not recovered, and read snapshots again."""
        self._delivery.restart()
        for connection in self._connections.all() + self._connections.anonymous():
            self.close_transport(connection.sid, ServiceEnding.JOURNAL_REPLACED)

    def dismiss(self, mark: Mark) -> None:
        """End the connections that the revocation of a control event hits, unless the table had
        it before."""
        if self._revocations.add(mark):
            self.close_hit_by(mark)

    def close_hit_by(self, mark: Mark) -> None:
        rules = self._revocations.rules
        for connection in self._connections.hit_by(mark, rules):
            refusal = rules.refusal(connection.identity, mark)
            if refusal is not None:
                connection.refuse(refusal)
            if self._manager.is_connected(connection.sid, NAMESPACE):
                self.end(connection.sid, refusal)

    def end(self, sid: str, refusal: TokenError | None) -> None:
        """End a connection because of a revocation. A client stays away after a server disconnect,
        and comes back when only its transport closes: where a refreshed token is good."""
        if isinstance(refusal, TokenExpired):
            self.close_transport(sid, ServiceEnding.TOKEN_OUTDATED)
        else:
            self._disconnect(sid)

    def close_transport(self, sid: str, ending: Ending) -> None:
        """Close the Engine.IO session without a DISCONNECT: the client comes back by itself."""
        member = self._manager.member(sid, NAMESPACE)
        if member is not None:
            close(member.session, ending)

    def _disconnect(self, sid: str) -> None:
        """Send DISCONNECT, after which the client gets nothing more. The team's disconnect handler
        runs in the background: the caller may hold the follower's lock, under which a slow handler
        would stop every event of the process."""
        member = self._manager.member(sid, NAMESPACE)
        if member is None or not self._manager.is_connected(sid, NAMESPACE):
            return
        server: LiveServer = self._manager.server
        server.begin_disconnect(sid, NAMESPACE)
        self._start_task(server.finish_disconnect, sid, NAMESPACE)
        self._start_task(self._close_after_good_bye, member.session)

    def _close_after_good_bye(self, session: Any) -> None:
        # Wait: a client that gets DISCONNECT and the close at once takes it for a lost transport,
        # and comes back. Most close by themselves meanwhile; the others get no event any more.
        time.sleep(GOOD_BYE_SECONDS)
        close(session, ServiceEnding.DISMISSED)

    def left(self, sid: str, reason: str) -> None:
        """Forget a client that has left the namespace, or whose session has ended."""
        self._leaving(sid)
        connection = self._connections.remove(sid)
        if connection is None:
            return
        counting.left()
        if connection.identity is NOBODY:
            return
        if self._keeps_transports:
            self._connections.depart(connection)
        logger.info(
            "disconnected",
            extra={
                "user": connection.identity.user_id,
                "sid": sid,
                "transport": counting.transport_of(connection.session),
                "reason": reason,
                "seconds": round(time.monotonic() - connection.since, 3),
            },
        )

"""The connect path's steps for clients with an identity: their user, their number, recovery."""

import logging
from collections.abc import Callable
from typing import Any

from ordercast.endings import ServiceEnding
from ordercast.errors import TokenError, TooManyConnections
from ordercast.identity import Identity
from ordercast.live import counting
from ordercast.live.connections import Connection, Connections
from ordercast.live.member import Member
from ordercast.live.recovery import Recovery
from ordercast.live.sockets import Sockets
from ordercast.revocation import Revocations
from ordercast.transport import ConnectRequest

logger = logging.getLogger(__name__)

# (auth, environ) -> the identity, in an app context. Raises Refuse.
Identify = Callable[[Any, dict[str, Any]], Identity]


class Identified:
    """`ready` returns once this process follows the journal; it raises TimeoutError. `watch` ends a
    connection with its token. `max_per_user`: connections in this process; 0 is no limit."""

    def __init__(
        self,
        connections: Connections,
        revocations: Revocations,
        recovery: Recovery,
        sockets: Sockets,
        *,
        identify: Identify,
        ready: Callable[[], None],
        watch: Callable[[Connection], None],
        max_per_user: int,
    ) -> None:
        self._connections = connections
        self._revocations = revocations
        self._recovery = recovery
        self._sockets = sockets
        self._identify = identify
        self._ready = ready
        self._watch = watch
        self._max_per_user = max_per_user

    def identify(self, member: Member, request: ConnectRequest) -> None:
        identity = self._identify(request.auth, request.environ)
        self._ready()
        connection = Connection(member.sid, identity, member.session)
        # Register the connection, then check revocations: a revocation that comes later finds the
        # connection here, an earlier one is found by the check.
        member.identified(connection)
        self._connections.add(connection)
        self._check(self._revocations.refusal(identity))

    def admit(self, member: Member, request: ConnectRequest) -> None:
        """Count the user's sessions, also those whose client has left the namespace, but not the
        half-open session that the same client had before. Of two that connect at the same time the
        older counts for the younger."""
        if not self._max_per_user:
            return
        connection = connected_as(member)
        others = self._connections.older_sessions(connection)
        before = self._predecessor(connection, request)
        if before is not None:
            others.discard(before.session)
        if sum(not session.closed for session in others) >= self._max_per_user:
            raise TooManyConnections

    def enter_rooms(self, member: Member, request: ConnectRequest) -> None:
        self._recovery.begin(member, connected_as(member))

    def confirm(self, member: Member, request: ConnectRequest) -> dict[str, Any]:
        connection = connected_as(member)
        self._recovery.settle(member, connection, request)
        self._check(connection.refusal)
        # Close the same client's half-open connection, from which nobody reads any more; also if
        # this one was not recovered and has another pid: admit() did not count the older one.
        older = (
            self._predecessor(connection, request),
            self._connections.register_pid(connection),
        )
        for sid in {one.sid for one in older if one is not None}:
            self._sockets.close_transport(sid, ServiceEnding.REPLACED)
        return {"pid": connection.pid}

    def connected(self, member: Member) -> None:
        connection = connected_as(member)
        self._connections.release(member.eio_sid)
        counting.connected(member.session)
        logger.info(
            "connected",
            extra={
                "user": connection.identity.user_id,
                "sid": member.sid,
                "transport": counting.transport_of(member.session),
                "recovered": connection.recovered,
                "replayed": connection.missed.count if connection.missed else 0,
            },
        )
        if connection.refusal is not None:  # set by another thread, after confirm()
            self._sockets.end(member.sid, connection.refusal)
        else:
            self._watch(connection)

    def forget(self, member: Member) -> None:
        self._connections.remove(member.sid)

    def _predecessor(self, connection: Connection, request: ConnectRequest) -> Connection | None:
        """The user's older connection with the pid that this client brings."""
        found = self._connections.with_pid(auth_of(request).get("pid"))
        if found is None or found.identity.user_id != connection.identity.user_id:
            return None
        return found if found.is_older_than(connection) else None

    def _check(self, refusal: TokenError | None) -> None:
        if refusal is not None:
            raise refusal


def auth_of(request: ConnectRequest) -> dict[str, Any]:
    return request.auth if isinstance(request.auth, dict) else {}


def connected_as(member: Member) -> Connection:
    assert member.connection is not None
    return member.connection

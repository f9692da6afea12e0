"""How long a connection may last: as long as its token, and a little; or as `@cast.identify` says.

When the token expires the client has TOKEN_GRACE seconds to send `auth:refresh` with another one.
Then its transport is closed: the stock client comes back by itself, and asks its application for a
token on the way, which it would not do after a server's disconnect.
"""

import logging
import math
import time
from typing import Any

from ordercast.endings import ServiceEnding
from ordercast.errors import (
    KeysUnavailable,
    NotConnected,
    Refuse,
    SocketError,
    TokenInvalid,
    WrongUser,
)
from ordercast.identity import TokenIdentity
from ordercast.live.closing import close
from ordercast.live.connections import Connection, Connections
from ordercast.live.identified import Identify
from ordercast.live.rooms import RoomManager
from ordercast.revocation import Revocations
from ordercast.transport import Timers

logger = logging.getLogger(__name__)
# A later end is checked again after this: clocks may be set, and a deadline cannot be cancelled
# when its connection leaves.
RECHECK_SECONDS = 900.0
REFRESH = "auth:refresh"  # the event with which a client hands in its next token


class Lifetime:
    """`grace`: seconds after a token's end. `timers` is None under `flask run`, where connections
    outlive their tokens."""

    def __init__(
        self,
        manager: RoomManager,
        connections: Connections,
        revocations: Revocations,
        *,
        identify: Identify,
        grace: float,
        timers: Timers | None,
    ) -> None:
        self._grace = grace
        self._manager = manager
        self._connections = connections
        self._revocations = revocations
        self._identify = identify
        self._timers = timers

    def watch(self, connection: Connection) -> None:
        """Close the connection when its token has expired and none has taken its place."""
        if self._timers is not None:
            left = self._end_of(connection) - time.time()
            # Keep only the sid: a connection that ends must not stay in memory until its deadline.
            self._timers.after(min(max(left, 0.0), RECHECK_SECONDS), self._check, connection.sid)

    def _check(self, sid: str) -> None:
        connection = self._connections.get(sid) or self._connections.departed(sid)
        if connection is None:
            return
        if time.time() < self._end_of(connection):
            self.watch(connection)
            return
        logger.info(
            "token expired", extra={"user": connection.identity.user_id, "sid": connection.sid}
        )
        close(connection.session, ServiceEnding.TOKEN_EXPIRED)

    def _end_of(self, connection: Connection) -> float:
        """Seconds since 1970. Only a token has a grace, in which another may take its place."""
        identity = connection.identity
        if identity.expires_at is None:
            return math.inf
        is_token = isinstance(identity, TokenIdentity)
        return identity.expires_at + (self._grace if is_token else 0)

    def refresh(self, sid: str, data: object) -> dict[str, Any]:
        """`auth:refresh` {token} -> {ok: true, expiresIn} in seconds, or {ok: false, error: {code,
        message}}: token_invalid, token_expired, token_revoked, wrong_user, not_connected or
        keys_unavailable. After
        an error the connection goes on as before, until its own token ends.

        The connection's rooms become those of the new token.
        """
        connection = self._connections.get(sid)
        try:
            if connection is None:
                raise NotConnected
            self._replace_identity(connection, data)
        except SocketError as exc:
            if connection is not None and isinstance(exc, Refuse | KeysUnavailable):
                why = {"code": exc.code, "reason": exc.reason}
                extra = {**why, "user": connection.identity.user_id, "sid": sid}
                logger.info("token refused", extra=extra)
            return {"ok": False, "error": {"code": exc.code, "message": exc.told}}
        expires_at = connection.identity.expires_at
        left = None if expires_at is None else max(0, int(expires_at - time.time()))
        return {"ok": True, "expiresIn": left}

    def _replace_identity(self, connection: Connection, data: object) -> None:
        if not isinstance(data, dict) or data.get("token") in (None, ""):
            raise TokenInvalid("auth:refresh without {token}")
        environ = self._manager.server.get_environ(connection.sid) or {}
        identity, before = self._identify(data, environ), connection.identity
        if identity.user_id != before.user_id:
            raise WrongUser
        # May read the table. The connection keeps its old identity meanwhile: a revocation of the
        # new token that comes then must refuse the token, and not end the connection.
        refusal = self._revocations.refusal(identity)
        if refusal is not None:
            raise refusal
        connection.renew(identity)
        self._manager.change_rooms(connection.sid, before.rooms, identity.rooms)
        logger.info("token refreshed", extra={"user": identity.user_id, "sid": connection.sid})

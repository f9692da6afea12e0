"""Connecting and leaving, on the namespace `/`."""

import logging
import time
from typing import TYPE_CHECKING, Any, NoReturn

from flask import request
from flask_socketio import ConnectionRefusedError, Namespace

from app.accounts import tokens
from app.accounts.errors import AuthenticationRequired, TokenError, TokenRevoked
from app.metrics import CONNECTIONS, CONNECTS_REFUSED
from app.realtime.connections import Connection

if TYPE_CHECKING:
    from app.realtime import Realtime

logger = logging.getLogger(__name__)
READY_SECONDS = 5  # how long a connect waits for the follower of a process that just started


class OrderNamespace(Namespace):
    """Verifies the token of `auth`; its rooms are joined by the manager once it is accepted."""

    def __init__(self, realtime: "Realtime") -> None:
        super().__init__("/")
        self._realtime = realtime

    def trigger_event(self, event: str, *args: Any) -> Any:
        """`connect` and `disconnect` are the server's to say, which marks the client first. An
        event of a client that only bears such a name would take its connection off the list that
        revocations go by."""
        reserved = event in ("connect", "disconnect")
        if reserved and self._realtime.manager.is_connected(args[0], self.namespace):
            logger.warning("reserved event name", extra={"sid": args[0], "event": event})
            return None
        return super().trigger_event(event, *args)

    def on_connect(self, auth: object = None) -> None:
        """{token} -> connected, or connect_error `Authentication required` or `Invalid token` with
        data {code}: token_invalid | token_expired | token_revoked."""
        try:
            self._admit(auth)
        except AuthenticationRequired as exc:
            self._refuse(exc.code, exc.message)
        except TokenError as exc:
            self._refuse(exc.code, "Invalid token", {"code": exc.code})
        except Exception:
            # Flask-SocketIO would call this again without auth after a TypeError, and leave the
            # client without an answer after anything else. The database may be away: the client
            # comes back by itself after its transport closes, but not after a connect_error.
            logger.exception("connect failed", extra={"sid": request.sid})  # type: ignore[attr-defined]
            self._realtime.manager.close_transport(request.sid)  # type: ignore[attr-defined]
            self._refuse("unavailable", "Service unavailable", {"code": "unavailable"})

    def on_disconnect(self, reason: str) -> None:
        connection = self._realtime.connections.remove(request.sid)  # type: ignore[attr-defined]
        if connection is None:
            return
        CONNECTIONS.dec()
        logger.info(
            "disconnected",
            extra={
                "user": connection.identity.user_id,
                "sid": connection.sid,
                "transport": "websocket" if connection.engine.upgraded else "polling",
                "reason": reason,
                "seconds": round(time.monotonic() - connection.since, 3),
            },
        )

    def _admit(self, auth: object) -> None:
        if not isinstance(auth, dict) or auth.get("token") in (None, ""):
            raise AuthenticationRequired
        self._realtime.start()
        if not self._realtime.follower.ready.wait(READY_SECONDS):
            raise TimeoutError("the follower does not know its position yet")
        connection = Connection(
            sid=request.sid,  # type: ignore[attr-defined]
            identity=tokens.read(auth["token"]),
            transport=request.args.get("transport", "polling"),
        )
        # Registered before it asks for revocations: one that comes later finds it here, one that
        # came before is what the question answers.
        self._realtime.connections.add(connection)
        if self._realtime.revocations.hits(connection.identity):
            raise TokenRevoked
        predecessor = self._realtime.recovery.prepare(connection, auth)
        if predecessor is not None:
            # The same client's half-open connection: its end is gone, and nobody reads there.
            self._realtime.manager.close_transport(predecessor.sid, abort=True)
        if connection.revoked:
            raise TokenRevoked

    def _refuse(self, code: str, message: str, data: dict[str, Any] | None = None) -> NoReturn:
        self._realtime.connections.remove(request.sid)  # type: ignore[attr-defined]
        CONNECTS_REFUSED.labels(code).inc()
        logger.info(
            "connect refused",
            extra={"code": code, "sid": request.sid, "address": request.remote_addr},  # type: ignore[attr-defined]
        )
        raise ConnectionRefusedError(message, *([data] if data else []))

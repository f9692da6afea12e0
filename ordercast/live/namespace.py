"""Connecting, leaving and staying, on the namespace `/`."""

import logging
import random
import time
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs

from flask import Flask
from flask_socketio import ConnectionRefusedError, Namespace

from ordercast.endings import ServiceEnding, TransportEnding
from ordercast.errors import Refuse, TooManyConnections, Unavailable
from ordercast.live.connections import Connection
from ordercast.live.rooms import State
from ordercast.metrics import CONNECTIONS, CONNECTS_REFUSED
from ordercast.transport import ComeBackLater

if TYPE_CHECKING:
    from ordercast.live import Realtime

logger = logging.getLogger(__name__)
# Until the transport of a client is closed that could not be let in: a database that is away, or
# just came back, does not meet all of them at once, and none of them several times a second.
COME_BACK_SECONDS = (1.0, 5.0)
READY_SECONDS = 5  # how long a connect waits for the follower of a process that just started


class OrderNamespace(Namespace):
    """Verifies the token of `auth`; its rooms are joined by the manager once it is accepted."""

    def __init__(self, realtime: "Realtime", app: Flask) -> None:
        super().__init__("/")
        self._realtime = realtime
        self._app = app
        self._most = app.config["SETTINGS"].MAX_CONNECTIONS_PER_USER

    def trigger_event(self, event: str, sid: str, *args: Any) -> Any:
        """What the server itself handles, without the request context that Flask-SocketIO makes
        for each event of its own; the rest as it does."""
        if event == "connect":
            with self._app.app_context():
                return self._connect(sid, *args)
        if event == "disconnect":
            return self._disconnect(sid, *args)
        if event == "auth:refresh":
            with self._app.app_context():
                return self._realtime.lifetime.refresh(sid, args[0] if args else None)
        return super().trigger_event(event, sid, *args)

    def _connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        """{token} -> connected, or a connect_error: ordercast/errors.py, Refuse."""
        try:
            self._admit(sid, environ, auth)
        except Refuse as exc:
            self._refuse(sid, environ, exc)
        except Exception:
            # The database may be away: the client comes back by itself after its transport
            # closes, but not after a connect_error.
            logger.exception("connect failed", extra={"sid": sid})
            if self._realtime.engine is not None:
                self._realtime.connections.remove(sid)
                CONNECTS_REFUSED.labels(Unavailable.code).inc()
                raise ComeBackLater(random.uniform(*COME_BACK_SECONDS)) from None
            self._realtime.manager.close_transport(sid, TransportEnding.COME_BACK_LATER)
            self._refuse(sid, environ, Unavailable())

    def _disconnect(self, sid: str, reason: str) -> None:
        connection = self._realtime.connections.remove(sid)
        if connection is None:
            return
        if self._realtime.engine is not None:  # the stock one, of `flask run`, says no last word
            self._realtime.connections.depart(connection)
        CONNECTIONS.dec()
        logger.info(
            "disconnected",
            extra={
                "user": connection.identity.user_id,
                "sid": sid,
                "transport": "websocket" if connection.engine.upgraded else "polling",
                "reason": reason,
                "seconds": round(time.monotonic() - connection.since, 3),
            },
        )

    def _admit(self, sid: str, environ: dict[str, Any], auth: object) -> None:
        realtime = self._realtime
        identity = realtime.identify(auth, environ)
        realtime.start()
        if not realtime.follower.ready.wait(READY_SECONDS):
            raise TimeoutError("the follower does not know its position yet")
        query = parse_qs(environ.get("QUERY_STRING", ""))
        connection = Connection(
            sid=sid,
            identity=identity,
            transport=query.get("transport", ["polling"])[0],
        )
        # Registered before it asks for revocations: one that comes later finds it here, one that
        # came before is what the question answers.
        realtime.connections.add(connection)
        refusal = realtime.revocations.refusal(connection.identity)
        if refusal is not None:
            raise refusal
        predecessor = realtime.recovery.prepare(connection, auth if isinstance(auth, dict) else {})
        self._check_capacity(connection, predecessor)
        if predecessor is not None:
            # The same client's half-open connection: its end is gone, and nobody reads there.
            realtime.manager.close_transport(predecessor.sid, ServiceEnding.REPLACED)
        if connection.refusal is not None:
            raise connection.refusal

    def _check_capacity(self, connection: Connection, predecessor: Connection | None) -> None:
        # Transports are counted, those too on which the client has left the namespace. Of two that
        # connect at the same time the older counts for the younger.
        if not self._most:
            return
        manager, connections = self._realtime.manager, self._realtime.connections
        user_id = connection.identity.user_id
        engines = {
            member.engine
            for member in manager.members(self.namespace, f"user:{user_id}")
            if member.state is not State.CONNECTING
            or (member.connection is not None and member.connection.since < connection.since)
        }
        engines |= {departed.engine for departed in connections.departed_of(user_id)}
        for own in (connection, predecessor):
            member = None if own is None else manager.member(own.sid, self.namespace)
            if member is not None:
                engines.discard(member.engine)
        if sum(not engine.closed for engine in engines) >= self._most:
            raise TooManyConnections

    def _refuse(self, sid: str, environ: dict[str, Any], error: Refuse) -> NoReturn:
        self._realtime.connections.remove(sid)
        # By the class: the codes of a team's own refusals must not add a time series each.
        CONNECTS_REFUSED.labels(type(error).code).inc()
        logger.info(
            "connect refused",
            extra={
                "code": error.code,
                "reason": error.reason,
                "sid": sid,
                "address": environ.get("REMOTE_ADDR"),
            },
        )
        data = error.data
        raise ConnectionRefusedError(error.told, *([] if data is None else [data]))

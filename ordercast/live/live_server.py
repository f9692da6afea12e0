"""The Socket.IO server: python-socketio's, with the connect path in the place of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import socketio
from gevent import Timeout
from socketio import packet

from ordercast.live.joining import Joining
from ordercast.live.member import NAMESPACE
from ordercast.live.stock import StockRequest
from ordercast.live.test_clients import TestSession, Unqueued
from ordercast.transport import ConnectRequest, StrictServer

logger = logging.getLogger(__name__)


class RoomServer(socketio.Server):
    """`on_left` is told the sid of each client that has left `/`, and why, before the team's
    disconnect handler. `joining` keeps the rooms of `/`."""

    def __init__(
        self, *, on_left: Callable[[str, str], None], joining: Joining, **options: Any
    ) -> None:
        self._on_left = on_left
        self._joining = joining
        super().__init__(**options)

    def enter_room(self, sid: str, room: str, namespace: str | None = None) -> None:
        """Let a client into a room. In `/` the room is recovered: it is committed on return, if the
        client is connected to this process. Raises SQLAlchemyError, and then the client is not in
        the room; NotConnected if the client is back on a younger connection."""
        if (namespace or NAMESPACE) != NAMESPACE or not self._joining.join(sid, room):
            super().enter_room(sid, room, namespace)

    def leave_room(self, sid: str, room: str, namespace: str | None = None) -> None:
        """Let a client leave a room; committed, and raises, as enter_room()."""
        if (namespace or NAMESPACE) != NAMESPACE or not self._joining.leave(sid, room):
            super().leave_room(sid, room, namespace)

    def close_room(self, room: str, namespace: str | None = None) -> None:
        """Let all clients leave a room. Raises SQLAlchemyError."""
        if (namespace or NAMESPACE) == NAMESPACE:
            self._joining.close(room)
        super().close_room(room, namespace)

    def leave_closed_room(self, room: str, namespace: str | None = None) -> None:
        """Let the clients of this process leave a room that another process has closed."""
        if (namespace or NAMESPACE) == NAMESPACE:
            self._joining.leave_all(room)
        self.manager.basic_close_room(room, namespace or NAMESPACE)

    def begin_disconnect(self, sid: str, namespace: str) -> None:
        """Tell a connected client that it is disconnected; it gets nothing more. finish_disconnect
        is to follow."""
        eio_sid = self.manager.pre_disconnect(sid, namespace=namespace)
        self._send_packet(eio_sid, self.packet_class(packet.DISCONNECT, namespace=namespace))
        self._tell_left(namespace, sid, self.reason.SERVER_DISCONNECT)

    def finish_disconnect(self, sid: str, namespace: str) -> None:
        """Run the team's disconnect handler, and let the client leave its rooms."""
        self._run_disconnect_handler(namespace, sid, self.reason.SERVER_DISCONNECT)
        self.manager.disconnect(sid, namespace=namespace, ignore_queue=True)

    def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        if event != "disconnect":
            return super()._trigger_event(event, namespace, *args)
        self._tell_left(namespace, *args)
        return self._run_disconnect_handler(namespace, *args)

    def _tell_left(self, namespace: str, sid: str, reason: str) -> None:
        if namespace == NAMESPACE:
            self._on_left(sid, reason)

    def _run_disconnect_handler(self, namespace: str, sid: str, reason: str) -> Any:
        try:
            return super()._trigger_event("disconnect", namespace, sid, reason)
        except (Exception, Timeout):  # the latter is no Exception
            # Go on: the client still has to leave its rooms.
            logger.exception("disconnect handler failed", extra={"sid": sid})
            return None


class LiveServer(RoomServer, StrictServer):
    """On this library's transport, in gunicorn's worker."""


class StockServer(RoomServer):
    """On python-engineio's own server, as under `flask run`. `connect` answers each CONNECT.
    `is_testing`: the clients are those of flask_socketio's test client."""

    def __init__(
        self,
        *,
        connect: Callable[[ConnectRequest], None],
        is_testing: Callable[[], bool] = lambda: False,
        **options: Any,
    ) -> None:
        self._answer_connect = connect
        self._is_testing = is_testing
        super().__init__(**options)

    @property
    def manager(self) -> Any:
        return Unqueued(self._manager) if self._is_testing() else self._manager

    @manager.setter
    def manager(self, manager: Any) -> None:
        self._manager = manager

    def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        if self._is_testing() and eio_sid not in self.eio.sockets:
            self.eio.sockets[eio_sid] = TestSession(self, eio_sid)
        super()._handle_eio_connect(eio_sid, environ)

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        namespace = namespace or NAMESPACE
        known = {*self.handlers, *self.namespace_handlers, *self.namespaces}
        request = StockRequest(self, eio_sid, namespace, data)
        if namespace not in known and "*" not in known:
            request.refuse("Unable to connect")
        elif self.manager.sid_from_eio_sid(eio_sid, namespace) is None:
            self._answer_connect(request)
            if request.has_ended:
                self._handle_disconnect(eio_sid, namespace, self.reason.TRANSPORT_CLOSE)

"""The client manager: rooms of this process, and Flask-SocketIO's message queue on Redis.

It speaks the stock channel and format, so `SocketIO(message_queue=...)` in a script keeps working.
What is different from python-socketio's RedisManager, and why:

- A client that is still connecting receives no room's events: not before its token is verified.
- Its rooms are joined with the acceptance, in one step: no event falls in between.
- What would make every client close its connection, or empty a room that is none, is refused.
- A binary event is encoded for each client: the shared packet remembers the encoding of the first
  client's transport, which the other transport cannot carry.
- `_publish` raises; the stock one tries twice, logs, and loses the message.
- It starts no thread of its own: the process has one Redis subscription (subscription.py).
- `host_id` belongs to the process, also after a fork: with gunicorn's --preload the stock one is
  shared, and processes take each other's messages for their own.

With websocket.py the only user of private parts of python-socketio and python-engineio;
tests/unit/test_pins.py names the versions they were read in.
"""

import json
import logging
import os
from collections.abc import Iterator
from typing import Any, NoReturn
from uuid import uuid4

from engineio.exceptions import EngineIOError
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from socketio import packet
from socketio.manager import Manager
from socketio.pubsub_manager import PubSubManager

from app import broker
from app.accounts.models import RevocationKind
from app.metrics import CONNECTIONS, QUEUE_MESSAGES_REFUSED
from app.realtime.connections import Connections

logger = logging.getLogger(__name__)
NAMESPACE = "/"
ROOM_METHODS = frozenset({"enter_room", "leave_room", "close_room"})
RESERVED = frozenset(  # socket.io-parser: a packet with such an event name is a parse error
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)


class LocalManager(Manager):
    """The clients of this process; PubSubManager hands its emits down to here."""

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Any = None,
        **kwargs: Any,
    ) -> None:
        arguments = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        if callback or not packet.Packet.data_is_binary(arguments):
            super().emit(event, data, namespace, room, skip_sid, callback, **kwargs)
            return
        skipped = skip_sid if isinstance(skip_sid, list) else [skip_sid]
        message = self.server.packet_class(
            packet.EVENT, namespace=namespace, data=[event, *arguments]
        )
        for sid, eio_sid in self.get_participants(namespace, room):
            if sid not in skipped:
                self.server._send_packet(eio_sid, message)


class QueueManager(PubSubManager, LocalManager):
    name = "ordercast"

    def __init__(self, redis_url: str, connections: Connections) -> None:
        self._host: tuple[int, str] | None = None
        super().__init__(channel=broker.QUEUE_CHANNEL)
        self._redis = broker.connect(redis_url)
        self._connections = connections

    @property
    def host_id(self) -> str:
        """This process's name on the queue."""
        if self._host is None or self._host[0] != os.getpid():
            self._host = (os.getpid(), uuid4().hex)
        return self._host[1]

    @host_id.setter
    def host_id(self, _value: str) -> None:
        """The base class sets one before the fork; it is not used."""

    def initialize(self) -> None:
        """Nothing to do, and so nothing that a second connection could see half done."""

    # -- rooms

    def connect(self, sid: str, namespace: str) -> str:
        """The client was accepted and has been told so: join its rooms, in the same step."""
        connected: str = super().connect(sid, namespace)
        connection = self._connections.get(sid)
        if connection is None or namespace != NAMESPACE:
            return connected
        if not self._engine_is_open(sid):
            # It left while its token was being verified; engineio told us then, when it was not
            # connected yet, and will not tell us again. Nobody was told that it had come.
            self._connections.remove(sid)
            self.basic_disconnect(sid, namespace)
            logger.info("left while connecting", extra={"sid": sid})
            return connected
        CONNECTIONS.inc()
        logger.info(
            "connected",
            extra={
                "user": connection.identity.user_id,
                "sid": sid,
                "transport": connection.transport,
            },
        )
        if connection.revoked:
            self._dismiss(sid)
        else:
            for room in connection.identity.rooms:
                self.basic_enter_room(sid, namespace, room)
        return connected

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """Who is in the room, without those who are still connecting. A client's own room, its
        sid, is open to its own connect handler."""
        connecting = self.pending_connect.get(namespace, ())
        for sid, eio_sid in super().get_participants(namespace, room):
            if room == sid or sid not in connecting:
                yield sid, eio_sid

    def transport(self, sid: str) -> str | None:
        """`polling` or `websocket` now; None once the engine has forgotten the client."""
        eio_sid = self.eio_sid_from_sid(sid, NAMESPACE)
        engine = self.server.eio.sockets.get(eio_sid)
        return None if engine is None else "websocket" if engine.upgraded else "polling"

    # -- this process only

    def emit_here(self, room: str, event: str, *args: Any) -> None:
        """Send to the room's clients in this process; one that is going away stops nobody else."""
        recipients = list(self.get_participants(NAMESPACE, room))
        if not recipients:
            return
        encoded = self.server.packet_class(
            packet.EVENT, namespace=NAMESPACE, data=[event, *args]
        ).encode()
        message = EnginePacket(MESSAGE, encoded)
        for sid, eio_sid in recipients:
            try:
                self.server._send_eio_packet(eio_sid, message)
            except EngineIOError:
                logger.info("left while an event was sent", extra={"sid": sid, "event": event})

    def dismiss(self, kind: RevocationKind, value: str) -> None:
        """Say good-bye to the connections that a revocation hits: a server disconnect, after
        which a client does not come back by itself, and then the transport."""
        for connection in self._connections.hit_by(kind, value):
            connection.revoked = True  # one that is still connecting sees it before it is accepted
            if self.is_connected(connection.sid, NAMESPACE):
                self._dismiss(connection.sid)

    def _dismiss(self, sid: str) -> None:
        engine = self.server.eio.sockets.get(self.eio_sid_from_sid(sid, NAMESPACE))
        self.server.disconnect(sid, namespace=NAMESPACE)
        if engine is not None:
            # In a step of its own: the client takes a good-bye that arrives together with the
            # closing for a lost transport. Without waiting: it may never ask for what is queued.
            self.server.start_background_task(
                engine.close, wait=False, reason=self.server.reason.SERVER_DISCONNECT
            )

    def close_engine(self, sid: str, namespace: str) -> None:
        """Close the transport under a client that is connecting, unanswered."""
        engine = self.server.eio.sockets.get(self.eio_sid_from_sid(sid, namespace))
        if engine is not None:
            engine.close(wait=False, reason=self.server.reason.SERVER_DISCONNECT)

    def _engine_is_open(self, sid: str) -> bool:
        engine = self.server.eio.sockets.get(self.eio_sid_from_sid(sid, NAMESPACE))
        return engine is not None and not engine.closed and not engine.closing

    # -- the queue

    def receive(self, message: bytes) -> None:
        """One message of the stock channel, from another process or an external script."""
        try:
            data = _read(message)
            method = data["method"]
        except (ValueError, KeyError, TypeError) as exc:
            QUEUE_MESSAGES_REFUSED.inc()
            logger.warning("queue message makes no sense", extra={"error": repr(exc)})
            return
        if method == "callback":
            self._handle_callback(data)
        elif data.get("host_id") != self.host_id:
            handler = {
                "emit": self._handle_emit,
                "disconnect": self._handle_disconnect,
                "enter_room": self._handle_enter_room,
                "leave_room": self._handle_leave_room,
                "close_room": self._handle_close_room,
            }.get(method)
            if handler is None:
                QUEUE_MESSAGES_REFUSED.inc()
                logger.warning("queue message of unknown method", extra={"method": str(method)})
            else:
                handler(data)

    def _publish(self, data: dict[str, Any]) -> None:
        """Send to the other processes. Raises redis.RedisError; TypeError for what is no JSON."""
        self._redis.publish(self.channel, self.json.dumps(data))


def _read(message: bytes) -> Any:
    """The message of a queue. Raises ValueError, KeyError or TypeError for what makes no sense."""
    data = json.loads(message, parse_constant=_refuse_constant)
    method = data["method"]
    if method == "emit" and (not isinstance(data["event"], str) or data["event"] in RESERVED):
        raise ValueError(f"no client takes an event named {data['event']!r}")
    if method in ROOM_METHODS and not isinstance(data["room"], str):
        raise ValueError("a room is a text")
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")  # Python writes it, JavaScript cannot read it

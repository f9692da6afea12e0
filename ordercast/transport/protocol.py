"""The Socket.IO protocol (5) as its specification has it: a malformed packet closes the connection.

Replaces python-socketio's dispatcher, and calls its handlers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import socketio
from socketio import packet
from socketio.packet import Packet

from ordercast.transport.attachments import Attachments
from ordercast.transport.connect_request import ConnectRequest, SessionRequest
from ordercast.transport.endings import TransportEnding
from ordercast.transport.engine import Engine
from ordercast.transport.packets import MalformedPacket

logger = logging.getLogger(__name__)

MAX_ATTACHMENTS = 10  # of one message, as socket.io-parser has it
INVALID_NAMESPACE = {"message": "Invalid namespace"}
RESERVED = frozenset(  # socket.io-parser: a packet with such an event name is a parse error
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)


class StrictPacket(Packet):
    """`SocketIO(serializer=StrictPacket)`: decoding raises MalformedPacket for packets that no
    client of the protocol sends."""

    packet_type: int
    data: Any
    id: int | None
    namespace: str | None

    def decode(self, encoded_packet: Any) -> int:
        if not isinstance(encoded_packet, str):
            raise MalformedPacket("bytes that belong to no message")
        try:
            attachments: int = super().decode(encoded_packet)
        except (ValueError, RecursionError) as exc:
            raise MalformedPacket(f"not a packet: {exc}") from exc
        if not self._is_sound() or attachments > self._most_attachments():
            raise MalformedPacket("not a packet of the protocol")
        return attachments

    def _most_attachments(self) -> int:
        binary = self.packet_type in (packet.BINARY_EVENT, packet.BINARY_ACK)
        return MAX_ATTACHMENTS if binary else 0

    def _is_sound(self) -> bool:
        data = self.data
        if self.packet_type == packet.CONNECT:
            return data is None or isinstance(data, dict)
        if self.packet_type == packet.DISCONNECT:
            return data is None
        if self.packet_type in (packet.EVENT, packet.BINARY_EVENT):
            return (
                isinstance(data, list)
                and bool(data)
                and isinstance(data[0], str)
                and data[0] not in RESERVED
            )
        if self.packet_type in (packet.ACK, packet.BINARY_ACK):
            return isinstance(data, list) and self.id is not None
        return False  # only a server sends CONNECT_ERROR

    @classmethod
    def reconstruct_binary(cls, data: Any, attachments: list[bytes]) -> Any:
        # A dict, not a list, which would take a negative number from its end.
        numbered = dict(enumerate(attachments))
        try:
            return super().reconstruct_binary(data, numbered)
        except (KeyError, TypeError, RecursionError) as exc:
            raise MalformedPacket("a placeholder without its bytes") from exc


class StrictServer(socketio.Server):
    """python-socketio's server on this transport. Messages are handled in order, one at a time for
    each client, whatever `async_handlers` says: a handler that waits for its own client waits for
    itself.

    `connect` answers each CONNECT, in the greenlet of its client. `on_gone` is told the Engine.IO
    sid of each session that is over, when its disconnect handlers have run. `engine` makes the
    Engine of its options: `partial(Engine, limits)`. The others are those of python-socketio.

    Raises ValueError for the option `always_connect`, with which a client's events are handled
    before its connect handler has decided, and TypeError for another serializer than StrictPacket
    or a subclass of it.
    """

    eio: Engine

    def __init__(
        self,
        *,
        connect: Callable[[ConnectRequest], None],
        engine: Callable[..., Engine],
        on_gone: Callable[[str], None] = lambda _: None,
        serializer: type[StrictPacket] = StrictPacket,
        **options: Any,
    ) -> None:
        if options.get("always_connect"):
            raise ValueError("always_connect lets clients in before their connect handler decides")
        if not (isinstance(serializer, type) and issubclass(serializer, StrictPacket)):
            raise TypeError("the serializer is StrictPacket, or a subclass of it")
        self._make_engine = engine
        super().__init__(**{**options, "serializer": serializer})
        protocol = Protocol(self, self.eio, connect, on_gone)
        self.eio.on("message", protocol.receive)
        self.eio.on("disconnect", protocol.leave)

    def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        **options: Any,
    ) -> Any:
        """Emit to a client and wait for its acknowledgement -> what it holds; as python-socketio's.

        Raises RuntimeError in a handler of the same client, whose acknowledgement waits for the end
        of that handler."""
        eio_sid = self.manager.eio_sid_from_sid(to or sid, namespace or "/")
        session = self.eio.sockets.get(eio_sid)
        if session is not None and session.is_handled_here:
            raise RuntimeError(
                f"call({event!r}) in a handler of the same client would wait for itself: emit with"
                " callback=, or call in a background task"
            )
        return super().call(event, data, to=to, sid=sid, namespace=namespace, **options)

    def _engineio_server_class(self) -> Callable[..., Engine]:
        return self._make_engine


class Protocol:
    def __init__(
        self,
        server: socketio.Server,
        engine: Engine,
        connect: Callable[[ConnectRequest], None],
        on_gone: Callable[[str], None],
    ) -> None:
        self._server = server
        self._engine = engine
        self._answer_connect = connect
        self._on_gone = on_gone
        self._attachments = Attachments(
            engine.timers,
            max_message_bytes=engine.limits.max_message_bytes,
            expired=self._give_up,
        )

    def receive(self, eio_sid: str, data: str | bytes) -> None:
        """One message of a client. Raises MalformedPacket."""
        if eio_sid in self._attachments:
            whole = self._attachments.add(eio_sid, data)
            if whole is not None:
                self._handle(eio_sid, whole)
            return
        if not data:
            raise MalformedPacket("nothing in it")  # the base class would not decode it
        received = self._server.packet_class(encoded_packet=data)
        if received.attachment_count:
            self._attachments.expect(eio_sid, received, len(data))
        else:
            self._handle(eio_sid, received)

    def _give_up(self, eio_sid: str) -> None:
        session = self._engine.sockets.get(eio_sid)
        if session is not None:
            session.end(TransportEnding.ATTACHMENTS_LATE)

    def leave(self, eio_sid: str, reason: str) -> None:
        """Remove a client that is gone from all its namespaces, also if a handler fails for one."""
        self._attachments.discard(eio_sid)
        server = self._server
        for namespace in list(server.manager.get_namespaces()):
            sid = server.manager.sid_from_eio_sid(eio_sid, namespace)
            try:
                server._handle_disconnect(eio_sid, namespace, reason)
            except Exception:
                logger.exception("disconnect handler failed", extra={"sid": sid})
                server.manager.disconnect(sid, namespace, ignore_queue=True)
        server.environ.pop(eio_sid, None)
        self._on_gone(eio_sid)

    def _handle(self, eio_sid: str, received: StrictPacket) -> None:
        server = self._server
        namespace = received.namespace or "/"
        if received.packet_type == packet.CONNECT:
            self._connect(eio_sid, namespace, received.data)
        elif received.packet_type == packet.DISCONNECT:
            server._handle_disconnect(eio_sid, namespace, server.reason.CLIENT_DISCONNECT)
        elif server.manager.sid_from_eio_sid(eio_sid, namespace) is None:
            pass  # sent before the client learned that it is disconnected from there
        elif received.packet_type in (packet.EVENT, packet.BINARY_EVENT):
            self._handle_event(eio_sid, namespace, received)
        else:
            server._handle_ack(eio_sid, namespace, received.id, received.data)

    def _handle_event(self, eio_sid: str, namespace: str, received: StrictPacket) -> None:
        """Call the handler, whatever `async_handlers` says: the client's next message waits."""
        server = self._server
        sid = server.manager.sid_from_eio_sid(eio_sid, namespace)
        if server.manager.is_connected(sid, namespace):
            server._handle_event_internal(
                server, sid, eio_sid, received.data, namespace, received.id
            )

    def _connect(self, eio_sid: str, namespace: str, auth: Any) -> None:
        server = self._server
        if server.manager.sid_from_eio_sid(eio_sid, namespace) is not None:
            raise MalformedPacket("connected to the namespace already")
        if not self._is_known(namespace):
            refusal = server.packet_class(
                packet.CONNECT_ERROR, data=INVALID_NAMESPACE, namespace=namespace
            )
            server._send_packet(eio_sid, refusal)
            return
        session = self._engine.sockets.get(eio_sid)
        if session is not None:
            self._answer_connect(SessionRequest(server, self._engine, session, namespace, auth))

    def _is_known(self, namespace: str) -> bool:
        server = self._server
        known = {*server.handlers, *server.namespace_handlers, *server.namespaces}
        return namespace in known or "*" in known

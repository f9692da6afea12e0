"""The clients of `flask_socketio.test_client`, in an application with TESTING: they take the same
connect path as any client, and there is no queue."""

from typing import Any

import socketio
from engineio.packet import MESSAGE
from engineio.packet import Packet as StockPacket
from socketio.pubsub_manager import PubSubManager

from ordercast.transport.packets import Packet


class Unqueued:
    """A client manager in all but its class: the test client refuses every PubSubManager."""

    def __init__(self, manager: PubSubManager) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)


class TestSession:
    """The Engine.IO session of a test client, which has none of its own."""

    def __init__(self, server: socketio.Server, sid: str) -> None:
        self._server = server
        self.sid = sid
        self.session: dict[str, Any] = {}  # what handlers keep of the client
        self.upgraded = True
        self.closing = self.closed = False

    def send(self, packet: Packet | StockPacket) -> None:
        if self.closed:
            return
        if isinstance(packet, Packet):
            data = packet.data
            packet = StockPacket(MESSAGE, data[1:] if isinstance(data, str) else data)
        self._server._send_eio_packet(self.sid, packet)

    def close(self, *, reason: str, **_: Any) -> None:
        if not self.closed:
            self.closing = self.closed = True
            self._server._handle_eio_disconnect(self.sid, reason)

"""The Socket.IO packets of this server: the answer to CONNECT also holds the pid."""

from typing import Any

from socketio.packet import CONNECT

from ordercast.live.connections import Connections
from ordercast.transport import StrictPacket


def packet_class(connections: Connections) -> type[StrictPacket]:
    """A packet class for one server (`SocketIO(serializer=...)`): {sid} becomes {sid, pid}, from
    which the client sees whether it was recovered (Socket.IO protocol 5, CONNECT)."""

    class RecoverablePacket(StrictPacket):
        def encode(self) -> Any:
            if self.packet_type == CONNECT and isinstance(self.data, dict):
                connection = connections.get(self.data.get("sid", ""))
                if connection is not None:
                    self.data = {**self.data, "pid": connection.pid}
            return super().encode()

    return RecoverablePacket

"""The websocket under Engine.IO, closed down to its TCP connection."""

import socket
from contextlib import suppress

from engineio.async_drivers.gevent import WebSocketWSGI


class ClosingWebSocket(WebSocketWSGI):
    """gevent-websocket's close() sends a close frame and leaves the rest to the client: one that
    is gone, or does not care, would keep the connection and the greenlet that reads it."""

    def close(self) -> None:
        connection = self._sock.handler.socket
        super().close()
        if connection is not None:
            with suppress(OSError):  # the client was quicker
                connection.shutdown(socket.SHUT_RDWR)

"""Lingering: WebSockets that have sent CLOSE and wait for the other end to close. Their time, bytes
and number are limited.

Closing at once would, with unread data, reset the connection, and drop the close code that the
client has not read yet. So data on its way is read, up to LINGER_BYTES. A client that goes on
sending fills its own kernel's buffers, and is then cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ordercast.transport.timers import Timers

LINGER_SECONDS = 5.0
LINGER_BYTES = 16_384  # read of one connection
CUT_SECONDS = 1.0  # after LINGER_BYTES; the close code was sent before
MAX_LINGERING_CONNECTIONS = 100  # files that no limit counts; with one more the oldest is cut


class Cuttable(Protocol):
    """A WebSocket."""

    def cut(self) -> None:
        """Close the connection now; then `Lingering.end` is called."""


class Lingering:
    """The lingering WebSockets of one engine."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._left: dict[Cuttable, int] = {}  # bytes that are still read

    def __len__(self) -> int:
        return len(self._left)

    def begin(self, websocket: Cuttable) -> None:
        while len(self._left) >= MAX_LINGERING_CONNECTIONS:
            next(iter(self._left)).cut()
        self._left[websocket] = LINGER_BYTES
        self._timers.after(LINGER_SECONDS, _cut, websocket)

    def left(self, websocket: Cuttable) -> int:
        """Bytes that may still be read of this connection."""
        return self._left.get(websocket, 0)

    def count_read(self, websocket: Cuttable, size: int) -> None:
        """Count `size` bytes that were read."""
        if websocket in self._left:
            self._left[websocket] -= size
            if self._left[websocket] <= 0:
                self._timers.after(CUT_SECONDS, _cut, websocket)

    def end(self, websocket: Cuttable) -> None:
        """Forget a connection that is closed."""
        self._left.pop(websocket, None)


def _cut(websocket: Cuttable) -> None:
    websocket.cut()

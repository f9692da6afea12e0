"""A pipe between a client and the process of another host that answers it, in the hub.

Bytes are read from one side only while the other takes them, so a slow side costs one piece of
memory. A pipe has no greenlet: half of the WebSockets behind a balancer may be pipes.
"""

from __future__ import annotations

import _socket
import socket as stdlib_socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import gevent

from ordercast.transport.websocket import READ, WRITE

if TYPE_CHECKING:
    from ordercast.transport.timers import Timers

PIECE_BYTES = 65_536
LINGER_SECONDS = 2.0  # for the client to read the last bytes, and to close


class Pipe:
    """`client` and `owner` are non-blocking and this object's; `on_end` is called once both are
    closed. Call `start` in any greenlet, the rest happens in the hub."""

    def __init__(
        self,
        client: _socket.socket,
        owner: _socket.socket,
        timers: Timers,
        on_end: Callable[[Pipe], None],
        *,
        is_upgrade: bool,
    ) -> None:
        self.is_upgrade = is_upgrade  # a WebSocket, which lasts; else one request
        self._client, self._owner = client, owner
        self._timers = timers
        self._on_end = on_end
        self._is_closed = False
        # An owner that takes nothing more may have sent its last bytes: these are still read.
        self._up = _Way(client, owner, on_end=self.close, on_refused=lambda: None)
        self._down = _Way(owner, client, on_end=self._finish, on_refused=self.close)

    def start(self) -> None:
        self._up.start()
        self._down.start()

    def close(self) -> None:
        """Close both sides; calling it again is harmless."""
        if self._is_closed:
            return
        self._is_closed = True
        self._up.stop()
        self._down.stop()
        self._owner.close()
        self._client.close()
        self._on_end(self)

    def _finish(self) -> None:
        # Closing at once would, with unread data, reset the connection, and drop the answer.
        self._up.drop()
        with suppress(OSError):  # the client has gone meanwhile
            self._client.shutdown(stdlib_socket.SHUT_WR)
        self._timers.after(LINGER_SECONDS, Pipe.close, self)


class _Way:
    """One direction. `on_end`: the source has ended, and all is sent; `on_refused`: the sink takes
    nothing any more, and the rest is dropped."""

    def __init__(
        self,
        source: _socket.socket,
        sink: _socket.socket,
        *,
        on_end: Callable[[], None],
        on_refused: Callable[[], None],
    ) -> None:
        self._source, self._sink = source, sink
        self._on_end, self._on_refused = on_end, on_refused
        self._waiting = memoryview(b"")  # for the sink
        self._drops = False
        loop = gevent.get_hub().loop
        self._readable: Any = loop.io(source.fileno(), READ)
        self._writable: Any = loop.io(sink.fileno(), WRITE)

    def start(self) -> None:
        self._readable.start(self._read)

    def stop(self) -> None:
        for watcher in (self._readable, self._writable):
            watcher.stop()
            watcher.close()

    def drop(self) -> None:
        """Send nothing more: read to drop it, until the source ends."""
        self._drops = True
        self._waiting = memoryview(b"")
        self._writable.stop()
        self._readable.start(self._read)

    def _read(self) -> None:
        try:
            data = self._source.recv(PIECE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._readable.stop()
            self._on_end()
        elif not self._drops:
            self._waiting = memoryview(data)
            self._write()

    def _write(self) -> None:
        try:
            sent = self._sink.send(self._waiting)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.drop()
            self._on_refused()
            return
        self._waiting = self._waiting[sent:]
        if self._waiting:
            self._readable.stop()
            self._writable.start(self._write)
        else:
            self._writable.stop()
            self._readable.start(self._read)

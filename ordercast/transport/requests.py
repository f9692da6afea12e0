"""HTTP connections between requests: no greenlet until a whole head has arrived.

A client that opens a connection and sends nothing, or sends slowly, costs a few hundred bytes
instead of a greenlet, and has a deadline.
"""

from __future__ import annotations

import _socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent

from ordercast.transport.pace import Pace
from ordercast.transport.websocket import READ

MAX_HEAD_BYTES = 32_768  # of a request line and its header fields
HEAD_SECONDS = 10.0  # from the first byte of a head to its last
IDLE_SECONDS = 75.0  # between requests; longer than the balancers in front
LAST_SECONDS = 2.0  # while a process shuts down, for a head that has begun, or is the first
READ_BYTES = 16_384
DISCARD_BYTES = 16_777_216  # of a body that the application left unread; then the connection ends


def refusal(status: str) -> bytes:
    """The whole answer to a request that no application sees."""
    return (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


TOO_LARGE = refusal("431 Request Header Fields Too Large")
TOO_SLOW = refusal("408 Request Timeout")

Begin = Callable[[_socket.socket, Any, bytes], None]


class Waiting:
    """A connection that waits for a request; then `begin(socket, address, data)`."""

    __slots__ = (
        "_address",
        "_all",
        "_begin",
        "_data",
        "_socket",
        "_watcher",
        "began",
        "due",
        "new_until",
    )

    def __init__(
        self,
        socket: _socket.socket,
        address: Any,
        begin: Begin,
        *,
        is_new: bool,
        all_waiting: set[Waiting],
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._socket: _socket.socket | None = socket
        self._address = address
        self._begin = begin
        self._data = b""
        self.began = False  # a head
        # `due` is checked each second: a timer for each request would outlive the request.
        now = time.monotonic()
        self.due = now + (max(idle_seconds, HEAD_SECONDS) if is_new else idle_seconds)
        # A new connection is about to send a request; a used one may be closed between requests.
        self.new_until = now + LAST_SECONDS if is_new else now
        self._all = all_waiting
        self._all.add(self)
        self._watcher: Any = gevent.get_hub().loop.io(socket.fileno(), READ)
        self._watcher.start(self._on_readable)

    def read(self, data: bytes = b"") -> None:
        """Read at once, or take `data`, which was read before: most often the request has arrived
        by now."""
        if data:
            self._add(data)
        else:
            self._on_readable()

    def close(self) -> None:
        """Give the connection up."""
        socket = self._leave()
        if socket is not None:
            socket.close()

    def _leave(self) -> _socket.socket | None:
        socket, self._socket = self._socket, None
        if socket is not None:
            self._all.discard(self)
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        return socket

    def _on_readable(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._add(data)
        else:
            self.close()

    def _add(self, data: bytes) -> None:
        searched = max(0, len(self._data) - 3)
        self._data += data
        if self._data.find(b"\r\n\r\n", searched) >= 0 or self._data.find(b"\n\n", searched) >= 0:
            socket = self._leave()
            assert socket is not None
            data, self._data = self._data, b""
            self._begin(socket, self._address, data)
        elif len(self._data) > MAX_HEAD_BYTES:
            self.refuse(TOO_LARGE)
        elif not self.began:
            self.began = True
            self.due = min(self.due, time.monotonic() + HEAD_SECONDS)

    def refuse(self, answer: bytes) -> None:
        """Answer, and give the connection up."""
        if self._socket is not None:
            with suppress(OSError):  # the connection is closed either way
                self._socket.send(answer)
        self.close()


def close_late(all_waiting: set[Waiting]) -> int:
    """Give up the connections whose request is overdue -> how many had begun a request."""
    now = time.monotonic()
    late = [waiting for waiting in all_waiting if waiting.due < now]
    for waiting in late:
        if waiting.began:
            waiting.refuse(TOO_SLOW)
        else:
            waiting.close()
    return sum(waiting.began for waiting in late)


def close_idle(all_waiting: set[Waiting], *, since: float) -> None:
    """In a process that shuts down, since `since`: begin the requests that have arrived, and give
    up the connections where none is expected."""
    now = time.monotonic()
    for waiting in list(all_waiting):
        waiting.read()
        if now >= (since + LAST_SECONDS if waiting.began else waiting.new_until):
            waiting.close()


class RequestReader:
    """The bytes of a connection as the file that pywsgi reads requests from."""

    def __init__(self, socket: Any, data: bytes) -> None:
        self._socket = socket
        self._data = data
        self._at = 0
        self._pace: Pace | None = None
        self.too_slow = False  # the client, with the rest of a request
        self._unwanted: int | None = None  # bytes that are still read to be dropped
        self.closed = False

    def begin(self, pace: Pace | None = None) -> None:
        """Begin a request where the last one ended; `pace` says how slowly it may come."""
        self._data, self._at = self._data[self._at :], 0
        self._pace, self._unwanted = pace, None

    def discard(self) -> None:
        """Read the rest of this request only to drop it."""
        self._unwanted = DISCARD_BYTES

    def raw(self) -> bytes:
        """Everything from the beginning of this request; only until its body is read."""
        return self._data

    def head(self) -> bytes:
        """The bytes read of this request so far; only until its body is read."""
        return self._data[: self._at]

    def rest(self) -> bytes:
        """The bytes that were received and not read."""
        return self._data[self._at :]

    def readline(self, limit: int = MAX_HEAD_BYTES) -> bytes:
        while (end := self._data.find(b"\n", self._at)) < 0:
            if len(self._data) - self._at >= limit or not (more := self._receive(READ_BYTES)):
                break
            self._data += more
        stop = len(self._data) if end < 0 else end + 1
        return self._cut(min(stop, self._at + limit))

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end of the connection."""
        taken = bytearray(self._cut(min(len(self._data), self._at + size)))
        while len(taken) < size:
            # Pieces are not kept, nor copied again and again: a body can be large, and slow.
            more = self._receive(min(READ_BYTES, size - len(taken)))
            if not more:
                break
            taken += more
        return bytes(taken)

    def close(self) -> None:
        self.closed = True

    def _cut(self, stop: int) -> bytes:
        start, self._at = self._at, stop
        return self._data[start:stop]

    def _receive(self, size: int) -> bytes:
        # Closed until bytes come: otherwise the rest of this request, if it comes late, would be
        # taken for another request.
        self.closed = True
        if self._unwanted is not None:
            if self._unwanted <= 0:
                raise OSError("more than is discarded")
            self._unwanted -= size
        more: bytes
        if self._pace is None:
            more = self._socket.recv(size)
        else:
            try:
                self._socket.settimeout(self._pace.left())
                with self._pace.waiting():
                    more = self._socket.recv(size)
            except TimeoutError:
                self.too_slow = True
                raise
            self._pace.moved(len(more))
        self.closed = not more
        return more

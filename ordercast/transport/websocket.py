"""A WebSocket (RFC 6455) on a detached socket: no greenlet, two libev watchers.

Nothing here blocks: reading is done in the hub's callbacks, sending in whichever greenlet has
something to send.
"""

from __future__ import annotations

import _socket
import logging
import socket as stdlib_socket
from collections import deque
from typing import Any, Protocol

import gevent

from ordercast.transport.endings import CloseCode, Ending, TransportEnding
from ordercast.transport.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    close_code,
    close_payload,
    frame,
)
from ordercast.transport.lingering import Lingering

logger = logging.getLogger(__name__)
READ, WRITE = 1, 2  # libev's names for what a watcher waits for
# Bytes read at once, before other clients have a turn: 341 of the shortest frames; of a frame that
# is known to be longer, as much as it lacks.
TURN_BYTES, READ_BYTES = 2_048, 65_536
MESSAGES = frozenset((TEXT, BINARY))
BROKEN = {
    CloseCode.PROTOCOL_ERROR: TransportEnding.BAD_FRAME,
    CloseCode.INVALID_DATA: TransportEnding.MALFORMED,
    CloseCode.TOO_LARGE: TransportEnding.TOO_LARGE,
}


class Owner(Protocol):
    """Gets what the client sends. Called in the hub: nothing here may block."""

    def received(self, websocket: WebSocket, payload: str | bytes) -> None:
        """A whole message."""

    def overhead(self, websocket: WebSocket) -> None:
        """A frame that brings no message: a PING, a PONG, a fragment but the last."""

    def drained(self, websocket: WebSocket) -> None:
        """The kernel has taken all that had to wait."""

    def lost(self, websocket: WebSocket, ending: Ending) -> None:
        """The connection is over, and the client was told why if it could be; called once."""


class WebSocket:
    __slots__ = (
        "_backlog",
        "_backlog_bytes",
        "_closing",
        "_lingering",
        "_max_backlog",
        "_reader",
        "_reading",
        "_socket",
        "_uncounted",
        "_writing",
        "direct",
        "owner",
    )

    def __init__(
        self,
        socket: _socket.socket,
        owner: Owner,
        lingering: Lingering,
        *,
        max_message_bytes: int,
        max_backlog_bytes: int,
    ) -> None:
        self.owner: Owner | None = owner
        self._socket: _socket.socket | None = socket
        # The socket while whole frames may be given to it: nothing waits, and it is not closing.
        self.direct: _socket.socket | None = socket
        self._lingering = lingering
        self._reader = FrameReader(max_message_bytes)
        self._max_backlog = max_backlog_bytes
        self._backlog: deque[bytes | memoryview] | None = None  # None: the kernel takes it all
        self._backlog_bytes = 0
        self._uncounted = 0  # bytes of the backlog that do not count for the limit
        self._closing = False  # CLOSE was sent, or waits in the backlog
        self._reading: Any = gevent.get_hub().loop.io(socket.fileno(), READ)
        self._writing: Any = None  # a watcher while there is a backlog

    def start(self, already: bytes = b"") -> None:
        """Begin to read, if the client is still there; `already` came with its handshake, and is
        read first."""
        if self._socket is None:
            return
        self._reading.start(self._on_readable)
        if already:
            self._feed(already)

    def change_owner(self, owner: Owner) -> None:
        self.owner = owner

    @property
    def backlog_bytes(self) -> int:
        """How many bytes wait: the kernel has not taken them."""
        return self._backlog_bytes

    @property
    def closed(self) -> bool:
        return self._socket is None

    @property
    def paused(self) -> bool:
        return self._reading is not None and not self._reading.active

    def pause(self) -> None:
        """Read no more for now: TCP's flow control holds the client back."""
        if self._reading is not None:
            self._reading.stop()

    def resume(self) -> None:
        if self.paused:
            self._reading.start(self._on_readable)

    def send(self, data: bytes | memoryview, *, counted: bool = True) -> bool:
        """Send whole frames, or the rest of a frame, or keep what the kernel does not take. False
        when so many `counted` bytes wait that the connection was given up; a frame that waits alone
        is always within the limit."""
        if self._socket is None or self._closing:
            return True
        if self._backlog is None:
            try:
                sent = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self._over(TransportEnding.LOST)
                return True
            if sent == len(data):
                return True
            self._backlog, self.direct = deque(), None
            self._writing = gevent.get_hub().loop.io(self._socket.fileno(), WRITE)
            self._writing.start(self._on_writable)
            data = memoryview(data)[sent:]
            counted = counted and len(data) <= self._max_backlog
        self._backlog.append(data)
        self._backlog_bytes += len(data)
        if not counted:
            self._uncounted += len(data)
        elif self._max_backlog and self._backlog_bytes - self._uncounted > self._max_backlog:
            self._over(TransportEnding.SLOW)
            return False
        return True

    def close(self, code: CloseCode = CloseCode.NORMAL, text: str = "") -> None:
        """Send CLOSE after all that was sent, and wait a little for the other end. The owner is
        called no more."""
        if self._socket is None or self._closing:
            return
        self.owner = None
        self.send(frame(CLOSE, close_payload(code, text)))
        if self._socket is None:
            return  # the client was gone already
        self._closing, self.direct = True, None
        self._reader.end()
        self._lingering.begin(self)
        self.resume()
        if self._backlog is None:
            self._shutdown()

    def abort(self) -> None:
        """Close at once, without CLOSE; where CLOSE was sent, lingering goes on."""
        self.owner = None
        if not self._closing:
            self._over(TransportEnding.LOST)

    # -- in the hub

    def _on_readable(self) -> None:
        if self._socket is None:
            return
        if self._closing:
            size = self._lingering.left(self)
            if size <= 0:
                self._reading.stop()
                return
        else:
            missing = self._reader.missing
            size = TURN_BYTES if missing < TURN_BYTES else min(missing, READ_BYTES)
        try:
            data = self._socket.recv(size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._over(TransportEnding.LOST)
        elif self._closing:
            self._lingering.count_read(self, len(data))
        else:
            self._feed(data)

    def _feed(self, data: bytes) -> None:
        try:
            for opcode, payload in self._reader.feed(data):
                if opcode in MESSAGES:
                    if self.owner is not None:
                        self.owner.received(self, payload)
                elif opcode == CLOSE:
                    self._answer_close(close_code(payload))  # type: ignore[arg-type]
                    return
                else:
                    if self.owner is not None:
                        self.owner.overhead(self)
                    if opcode == PING:
                        self.send(frame(PONG, payload))  # type: ignore[arg-type]
                if self._socket is None or self._closing:
                    return
        except FrameError as exc:
            self._fail(BROKEN[exc.close_code], str(exc))
        except Exception:
            # Let nothing reach the hub, which would go on watching a half-read stream.
            logger.exception("message not taken")
            self._fail(TransportEnding.FAULT, TransportEnding.FAULT.text)

    def _answer_close(self, code: int) -> None:
        self.send(frame(CLOSE, close_payload(code)))
        self._over(TransportEnding.LOST)

    def _fail(self, ending: Ending, text: str) -> None:
        owner = self.owner
        self.close(ending.code, text)
        if owner is not None:
            owner.lost(self, ending)

    def _on_writable(self) -> None:
        if self._socket is None or self._backlog is None:
            return
        while self._backlog:
            data = self._backlog[0]
            try:
                sent = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._over(TransportEnding.LOST)
                return
            self._backlog_bytes -= sent
            if sent < len(data):
                self._backlog[0] = memoryview(data)[sent:]
                return
            self._backlog.popleft()
        self._backlog, self._uncounted = None, 0
        self._writing.stop()
        self._writing.close()
        self._writing = None
        if self._closing:
            self._shutdown()
        else:
            self.direct = self._socket
            if self.owner is not None:
                self.owner.drained(self)

    def cut(self) -> None:
        """Close now: lingering has lasted long enough."""
        self._over(TransportEnding.LOST)

    def _shutdown(self) -> None:
        try:
            self._socket.shutdown(stdlib_socket.SHUT_WR)  # type: ignore[union-attr]
        except OSError:
            self._over(TransportEnding.LOST)

    def _over(self, ending: Ending) -> None:
        if self._socket is None:
            return
        for watcher in (self._reading, self._writing):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._reading = self._writing = self._backlog = None
        self._reader.end()  # pending deadlines still hold this object
        socket, self._socket, self.direct = self._socket, None, None
        socket.close()
        if self._closing:
            self._lingering.end(self)
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.lost(self, ending)

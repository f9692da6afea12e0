"""Accepting connections: never more than a process can have, and always accepting.

Every open connection counts, also without a request. At the limit the oldest connections that wait
between two requests are closed; where none waits, the new connection is answered with 503 at once.
"""

from __future__ import annotations

import _socket
import errno
import logging
import resource
import socket as stdlib_socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, Protocol

from ordercast.transport.requests import READ_BYTES, refusal

logger = logging.getLogger(__name__)
SPARE_FILES = 100  # descriptors for files and other sockets; at most a quarter of all
CLOSED_AT_ONCE = 16  # idle connections
COMPLAINT_SECONDS = 1.0  # at least, between two lines of the log
FULL = refusal("503 Service Unavailable")
EXHAUSTED = (errno.EMFILE, errno.ENFILE)


class Holder(Protocol):
    """Has connections. `close_oldest` closes at most `count` of those that wait for a request, and
    returns how many it closed."""

    @property
    def open(self) -> int: ...
    def close_oldest(self, count: int) -> int: ...


class Taken(_socket.socket):
    """A connection that became a WebSocket, and counts until it is closed. The object to which
    `on_close` is bound lives as long."""

    __slots__ = ("_on_close",)

    def __init__(self, *args: Any, on_close: Callable[[], None]) -> None:
        super().__init__(*args)
        self._on_close: Callable[[], None] | None = on_close

    def close(self) -> None:
        on_close, self._on_close = self._on_close, None
        super().close()
        if on_close is not None:
            on_close()


class Acceptor:
    """Accepts for all the listeners of a process: `most` connections at once."""

    def __init__(self, most: int, count_cut: Callable[[str], None]) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        spare = min(SPARE_FILES, files // 4)
        self._most = most if files == resource.RLIM_INFINITY else min(most, files - spare)
        self._count_cut = count_cut
        self._holders: list[Holder] = []
        # A descriptor to accept with, when none is left. Not os.close(): gevent's defers it.
        self._reserve: _socket.socket | None = _socket.socket()
        self._complained = 0.0  # monotonic seconds

    def add(self, holder: Holder) -> None:
        self._holders.append(holder)

    def accept(self, listener: Any) -> tuple[_socket.socket, Any] | None:
        """The next connection, non-blocking, and its address. None: no connection waits, or there
        is no capacity for it."""
        self._keep_reserve()
        is_full = self._is_full and not self._close_oldest("connections")
        try:
            accepted = _accept(listener)
        except BlockingIOError:
            return None
        except OSError as exc:
            if exc.errno not in EXHAUSTED:
                raise
            return self._accept_with_reserve(listener)
        if is_full:
            self._refuse(accepted[0], "connections")
            return None
        return accepted

    def _keep_reserve(self) -> None:
        if self._reserve is None:
            with suppress(OSError):  # again at the next connection
                self._reserve = _socket.socket()

    def _accept_with_reserve(self, listener: Any) -> tuple[_socket.socket, Any] | None:
        """Accept without a free descriptor. The kernel reports that state also where no connection
        waits."""
        if self._reserve is not None:
            self._reserve.close()
            self._reserve = None
        accepted = None
        try:
            accepted = _accept(listener)
        except BlockingIOError:
            pass
        else:
            if not self._close_oldest("descriptors"):
                self._refuse(accepted[0], "descriptors")
                accepted = None
        self._keep_reserve()
        return accepted

    @property
    def _is_full(self) -> bool:
        return sum(holder.open for holder in self._holders) >= self._most

    def _close_oldest(self, lacking: str) -> int:
        closed = sum(holder.close_oldest(CLOSED_AT_ONCE) for holder in self._holders)
        for _ in range(closed):
            self._count_cut("idle")
        self._complain(lacking, closed)
        return closed

    def _complain(self, lacking: str, closed: int) -> None:
        now = time.monotonic()
        if now - self._complained >= COMPLAINT_SECONDS:
            self._complained = now
            logger.warning("out of %s", lacking, extra={"idle_closed": closed})

    def _refuse(self, connection: _socket.socket, lacking: str) -> None:
        self._count_cut("capacity")
        self._complain(lacking, 0)
        with closing(connection), suppress(OSError):
            connection.send(FULL)
            connection.shutdown(stdlib_socket.SHUT_WR)
            connection.recv(READ_BYTES)  # unread data makes closing a reset, which drops the answer


def _accept(listener: Any) -> tuple[_socket.socket, Any]:
    descriptor, address = listener._accept()
    connection = _socket.socket(listener.family, listener.type, listener.proto, fileno=descriptor)
    connection.settimeout(0.0)
    return connection, address

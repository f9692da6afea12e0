"""The HTTP server of one listener. A connection has a greenlet only while a request is served."""

from __future__ import annotations

import _socket
import time
from collections.abc import Callable
from heapq import nsmallest
from typing import Any

import gevent
import gevent.socket
from gunicorn.workers.ggevent import PyWSGIServer

from ordercast.transport.accepting import Acceptor
from ordercast.transport.requests import Waiting, close_idle, close_late


class Server(PyWSGIServer):
    """`idle_seconds` are between two requests; 0: there is no second one. `request_seconds` are for
    a body, or an answer. `count_cut` counts the requests and connections given up, by reason."""

    def __init__(
        self,
        *args: Any,
        acceptor: Acceptor,
        idle_seconds: float,
        request_seconds: float,
        count_cut: Callable[[str], None],
        **options: Any,
    ) -> None:
        super().__init__(*args, spawn="raw", **options)
        self._acceptor = acceptor
        acceptor.add(self)
        self.idle_seconds = idle_seconds
        self.request_seconds = request_seconds
        self.count_cut = count_cut
        self._waiting: set[Waiting] = set()
        self.active = 0  # requests in flight
        self.served = 0  # requests
        self._handed_out = 0  # connections that became WebSockets
        # Made once: a bound method for each WebSocket would cost 64 B.
        self._on_given_back = self._give_back
        self.draining = False
        self._draining_since = 0.0  # monotonic seconds

    def do_read(self) -> tuple[_socket.socket, Any] | None:
        return self._acceptor.accept(self.socket)

    def do_handle(self, connection: _socket.socket, address: Any) -> None:
        self.wait(connection, address, is_new=True)

    def wait(
        self, connection: _socket.socket, address: Any, data: bytes = b"", *, is_new: bool = False
    ) -> None:
        """Wait for the next request on the connection, of which `data` is the beginning."""
        waiting = Waiting(
            connection,
            address,
            self._begin,
            is_new=is_new,
            all_waiting=self._waiting,
            idle_seconds=self.idle_seconds,
        )
        waiting.read(data)

    def _begin(self, connection: _socket.socket, address: Any, data: bytes) -> None:
        gevent.spawn(self.adopt, connection, address, data)

    def adopt(self, connection: Any, address: Any, data: bytes) -> None:
        """Serve the connection, which has sent `data`. In a greenlet."""
        if isinstance(connection, _socket.socket):
            connection = gevent.socket.socket(
                connection.family, connection.type, connection.proto, fileno=connection.detach()
            )
        self.active += 1
        try:
            self.handler_class(connection, address, self, data).handle()
        finally:
            self.active -= 1

    # -- accepting.Holder

    @property
    def open(self) -> int:
        return len(self._waiting) + self.active + self._handed_out

    def close_oldest(self, count: int) -> int:
        """Close connections that have not begun a request before those that have."""
        oldest = nsmallest(count, self._waiting, key=lambda waiting: (waiting.began, waiting.due))
        for waiting in oldest:
            waiting.close()
        return len(oldest)

    def count_served(self) -> None:
        self.served += 1

    def hand_out(self) -> Callable[[], None]:
        """Count a connection that becomes a WebSocket -> a function to call when it is closed."""
        self._handed_out += 1
        return self._on_given_back

    def _give_back(self) -> None:
        self._handed_out -= 1

    # -- the worker

    def close_late(self) -> None:
        """Close the connections whose request is overdue."""
        for _ in range(close_late(self._waiting)):
            self.count_cut("head")

    def drain(self) -> None:
        """Accept no more: connections in the kernel's queue are for the other processes, if there
        are any."""
        self.draining = True
        self._draining_since = time.monotonic()
        self.close()

    def expects(self) -> bool:
        """While draining: whether a request is about to come. Closes the connections where none
        is."""
        close_idle(self._waiting, since=self._draining_since)
        return bool(self._waiting)

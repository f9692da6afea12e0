"""The requests of one HTTP connection, until it waits again, becomes a WebSocket, or is handed to
another process."""

from __future__ import annotations

import _socket
import errno
import socket as stdlib_socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.client import HTTPException, HTTPMessage
from typing import Any

import gevent
from gevent.pywsgi import Input
from gunicorn.workers.ggevent import PyWSGIHandler

from ordercast.transport.accepting import Taken
from ordercast.transport.connection import CONNECTION
from ordercast.transport.framing import Framing, framing, origin_form
from ordercast.transport.pace import STALL_SECONDS, Pace
from ordercast.transport.requests import READ_BYTES, RequestReader, refusal
from ordercast.transport.websocket import READ

RESET = struct.pack("ii", 1, 0)  # closing drops what the kernel still holds for the client
UNREAD_READS = 16  # of bytes that get no answer
# The statuses that pywsgi answers by itself, and names by code only.
REFUSED = {"400": "400 Bad Request", "414": "414 URI Too Long"}


class Handler(PyWSGIHandler):
    """pywsgi's handler, for heads and answers; the connection's life is in handle()."""

    socket: Any
    rfile: RequestReader
    framed: Framing
    path: str

    def __init__(self, sock: Any, address: Any, server: Any, data: bytes = b"") -> None:
        super().__init__(sock, address, server, rfile=RequestReader(sock, data))
        sock.settimeout(STALL_SECONDS)
        self._answer = Pace(0)
        self._cut = False  # the client did not take its answer
        self._keeps_open = False

    def handle(self) -> None:
        """Serve the requests that have arrived, then wait for more without a greenlet."""
        try:
            while self.socket is not None:
                self.time_start, self.time_finish = time.time(), 0
                result = self.handle_one_request()
                if self.socket is None:
                    return
                if result is None:
                    break
                if result is not True:
                    self.status, _ = result
                    self.socket.sendall(refusal(REFUSED[self.status]))
                    break
                rest = self.rfile.rest()
                if b"\n\r\n" not in rest and b"\n\n" not in rest:
                    raw = self._detach(_socket.socket)
                    self.server.wait(raw, self.client_address, rest)
                    return
                gevent.sleep(0)  # many requests on one connection take turns with other connections
        except OSError:
            pass  # the client left before its answer
        finally:
            if self.socket is not None:
                self._close()

    def _close(self) -> None:
        connection, self.socket = self.socket, None
        with closing(connection), suppress(OSError):  # the client is gone, or has sent no more
            if self._cut:
                connection.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_LINGER, RESET)
                return
            connection.shutdown(stdlib_socket.SHUT_WR)
            for _ in range(UNREAD_READS):
                # Read first: with unread data, closing is a reset, which drops the answer.
                if not connection._sock.recv(READ_BYTES, stdlib_socket.MSG_DONTWAIT):
                    break

    def handle_one_request(self) -> Any:
        self.rfile.begin(Pace(self.server.request_seconds))
        self._answer = Pace(self.server.request_seconds)
        self.server.count_served()
        self._keeps_open = False
        result = super().handle_one_request()
        if self.rfile.too_slow:
            self.server.count_cut("body")
        self.environ = None  # the environ holds this handler: a cycle for the collector
        return result

    def read_request(self, raw_requestline: str) -> bool:
        try:
            super().read_request(raw_requestline)
        except HTTPException as exc:  # too many fields: the client's doing, worth no traceback
            raise ValueError(str(exc)) from exc
        self.content_length, self.close_connection = self.framed.length, self.framed.last
        self.path, host = origin_form(self.path)
        if host is not None:
            del self.headers["Host"]
            self.headers["Host"] = host
        return True

    def MessageClass(self, *args: Any) -> HTTPMessage:  # noqa: N802
        # Check before pywsgi removes fields that contradict each other.
        fields: HTTPMessage = super().MessageClass(*args)
        self.framed = framing(self.rfile.head(), fields, self.request_version)
        return fields

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        expects = environ.get("HTTP_EXPECT", "").lower() == "100-continue"
        # pywsgi leaves the end of the body to the application when `Connection` or `Upgrade` asks
        # for another protocol, which a proxy may do with every request.
        self.wsgi_input = environ["wsgi.input"] = Input(
            self.rfile,
            self.framed.length,
            socket=self.socket if expects else None,
            chunked_input=self.framed.chunked,
        )
        environ["wsgi.input_terminated"] = True
        environ[CONNECTION] = self
        return environ

    def run_application(self) -> None:
        try:
            self.result = self.application(self.environ, self.start_response)
            if self.socket is not None:
                self.process_result()
        finally:
            close = getattr(self.result, "close", None)
            self.result = None
            self.rfile.discard()
            if close is not None:
                close()

    def _sendall(self, data: bytes | bytearray) -> None:
        rest = memoryview(data)
        try:
            while rest:
                self.socket.settimeout(self._answer.left())
                with self._answer.waiting():
                    sent = self.socket.send(rest)
                self._answer.moved(sent)
                rest = rest[sent:]
        except TimeoutError as exc:
            self._cut = True
            self.server.count_cut("answer")
            raise BrokenPipeError(errno.EPIPE, "the client does not take its answer") from exc
        self.response_length += len(data)

    def finalize_headers(self) -> None:
        # Tell the client that the connection ends, or it sends another request on it.
        if (self.server.draining and not self._keeps_open) or self.rfile.closed:
            self.close_connection = True
        if not self.server.idle_seconds:
            self.close_connection = True
        named = {name.lower() for name, _ in self.response_headers}
        if self.close_connection and b"connection" not in named:
            self.response_headers.append((b"Connection", b"close"))
        if b"x-content-type-options" not in named:
            self.response_headers.append((b"X-Content-Type-Options", b"nosniff"))
        super().finalize_headers()

    # -- connection.HttpConnection

    def keep_open(self) -> None:
        self._keeps_open = True

    def fileno(self) -> int:
        return int(self.socket.fileno())

    def raw(self) -> bytes:
        return self.rfile.raw()

    def detach(self) -> tuple[_socket.socket, bytes]:
        already = self.rfile.rest()
        # Bind to the server, and not to this handler, which would live as long as the WebSocket.
        return self._detach(partial(Taken, on_close=self.server.hand_out())), already

    def _detach(self, kind: Callable[..., _socket.socket]) -> _socket.socket:
        ours = self.socket
        raw = kind(ours.family, ours.type, 0, ours.detach())
        raw.settimeout(0.0)
        self._forget()
        return raw

    def release(self) -> None:
        self.socket.close()
        self._forget()

    def _forget(self) -> None:
        self.socket = None
        self.wsgi_input = Input(self.rfile, 0)  # there is no body left to discard here

    @contextmanager
    def watched(self, hang_up: Callable[[], None]) -> Iterator[None]:
        connection = self.socket._sock
        watcher = gevent.get_hub().loop.io(connection.fileno(), READ)

        def check() -> None:
            try:
                data = connection.recv(1, stdlib_socket.MSG_PEEK)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            watcher.stop()
            if not data:
                hang_up()

        watcher.start(check)
        try:
            yield
        finally:
            watcher.stop()
            watcher.close()

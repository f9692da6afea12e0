"""The transports of Engine.IO 4, as a client has them: packets in and out, over WebSocket or
long-polling. A wire that fails raises OSError, and is good for nothing more.

Written by one thread and read by it; `cut` and `abandon` are called by another.
"""

import os
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from typing import Protocol

import orjson

from ordercast.proof.endpoint import Endpoint

FINAL_TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A  # first bytes of frames, RFC 6455
MASK = 0x80
SHORT, LONG, LONGEST = 125, 126, 127  # lengths in one byte, and what says that more follow
MAX_HEAD_BYTES = 16_384
SEPARATOR = "\x1e"  # between the packets of a body
POLL_SECONDS = 90.0  # the server answers a poll with its next ping at the latest


class Transport(StrEnum):
    WEBSOCKET = "websocket"
    POLLING = "polling"


class Wire(Protocol):
    def send(self, packet: str) -> None: ...
    def packets(self) -> Iterator[str]:
        """Those that come, until the connection ends."""

    def cut(self) -> None:
        """End the connection without a word, at both ends."""

    def abandon(self) -> None:
        """Leave the server alone with a connection that seems to be good."""

    def close(self) -> None: ...


def open_wire(endpoint: Endpoint, transport: Transport) -> Wire:
    """Raises OSError."""
    if transport is Transport.POLLING:
        return PollingWire(endpoint)
    return WebSocketWire(endpoint)


class WebSocketWire:
    def __init__(self, endpoint: Endpoint) -> None:
        self._socket = endpoint.connect()
        self._buffer = bytearray()
        try:
            self._shake_hands(endpoint)
            self._socket.settimeout(POLL_SECONDS)
        except BaseException:
            self._socket.close()
            raise

    def _shake_hands(self, endpoint: Endpoint) -> None:
        lines = (
            f"GET {endpoint.path}?EIO=4&transport=websocket HTTP/1.1",
            f"Host: {endpoint.authority}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}",
        )
        self._socket.sendall("\r\n".join((*lines, "", "")).encode())
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise ConnectionError("the answer has no end")
            self._more()
        status = bytes(self._buffer[: self._buffer.find(b"\r\n")]).decode(errors="replace")
        del self._buffer[: end + 4]
        if status.split(" ")[1:2] != ["101"]:
            raise ConnectionRefusedError(status)

    def send(self, packet: str) -> None:
        self._send(FINAL_TEXT, packet.encode())

    def packets(self) -> Iterator[str]:
        while True:
            first, payload = self._frame()
            if first == FINAL_TEXT:
                yield payload.decode()
            elif first == PING:
                self._send(PONG, payload)
            elif first == CLOSE:
                raise ConnectionAbortedError(f"closed: {int.from_bytes(payload[:2], 'big')}")
            elif first != PONG:
                raise ConnectionError(f"a frame that a service does not send: {first:#x}")

    def cut(self) -> None:
        _shut(self._socket, socket.SHUT_RDWR)

    def abandon(self) -> None:
        _shut(self._socket, socket.SHUT_RD)

    def close(self) -> None:
        self._socket.close()

    def _send(self, first: int, payload: bytes) -> None:
        length = len(payload)
        if length <= SHORT:
            head = bytes((first, MASK | length))
        elif length < 1 << 16:
            head = bytes((first, MASK | LONG)) + length.to_bytes(2, "big")
        else:
            head = bytes((first, MASK | LONGEST)) + length.to_bytes(8, "big")
        key = os.urandom(4)
        stream = (key * (length // 4 + 1))[:length]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        self._socket.sendall(head + key + masked.to_bytes(length, "big"))

    def _frame(self) -> tuple[int, bytes]:
        first, length = self._exactly(2)
        if length >= LONG:
            length = int.from_bytes(self._exactly(2 if length == LONG else 8), "big")
        return first, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _more(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionAbortedError("the connection ended")
        self._buffer += data


class PollingWire:
    """One connection for the polls, one for what is sent."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._query = f"{endpoint.path}?EIO=4&transport=polling"
        self._headers = {"Host": endpoint.authority, "Content-Type": "text/plain;charset=UTF-8"}
        self._connections = [_http(endpoint), _http(endpoint)]
        self._ended = threading.Event()
        try:
            self._first = self._ask("GET")
            self._query += f"&sid={orjson.loads(self._first[0][1:])['sid']}"
        except (ValueError, KeyError, TypeError) as exc:
            self.close()
            raise ConnectionError(f"no handshake of Engine.IO: {exc}") from exc
        except BaseException:
            self.close()
            raise

    def send(self, packet: str) -> None:
        self._ask("POST", packet.encode())

    def packets(self) -> Iterator[str]:
        yield from self._first
        while True:
            for packet in self._ask("GET"):
                if packet == "1":
                    raise ConnectionAbortedError("the session ended")
                yield packet

    def cut(self) -> None:
        self._shut(socket.SHUT_RDWR)

    def abandon(self) -> None:
        self._shut(socket.SHUT_RD)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def _ask(self, method: str, body: bytes | None = None) -> list[str]:
        if self._ended.is_set():  # http.client would connect again
            raise ConnectionAbortedError("cut")
        connection = self._connections[body is not None]
        try:
            connection.request(method, self._query, body, self._headers)
            response = connection.getresponse()
            text = response.read().decode()
        except HTTPException as exc:
            raise ConnectionAbortedError(f"no answer: {exc!r}") from exc
        if response.status != 200:
            raise ConnectionRefusedError(f"{response.status} {text[:200]}")
        return text.split(SEPARATOR)

    def _shut(self, how: int) -> None:
        self._ended.set()
        for connection in self._connections:
            if connection.sock is not None:
                _shut(connection.sock, how)


class _Connection(HTTPConnection):
    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self._endpoint = endpoint

    def connect(self) -> None:
        self.sock = self._endpoint.connect()
        self.sock.settimeout(POLL_SECONDS)


def _http(endpoint: Endpoint) -> HTTPConnection:
    return _Connection(endpoint)


def _shut(connection: socket.socket, how: int) -> None:
    with suppress(OSError):  # it has ended already
        connection.shutdown(how)

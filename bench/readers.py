"""Clients that read slowly, for bench/replay.py: over websocket and over long-polling.

They keep of an event its number and offset, so that a hundred of them can share a process.
"""

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Literal

Transport = Literal["websocket", "polling"]
RECEIVE_BYTES = 65_536  # the kernel's buffer: what a slow client has not read stays at the server
PATIENCE_SECONDS = 120
SEPARATOR = b"\x1e"
MEDIUM, LONG = 126, 127  # lengths of a frame, RFC 6455 section 5.2


@dataclass
class Reader:
    """What a client heard since its CONNECT."""

    pid: str = ""
    connects: int = 0
    numbers: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def hear(self, packet: bytes) -> None:
        """`42["notification",{"number":7,...},"41"]`, of which the middle is long."""
        if packet.startswith(b"40"):
            self.pid = json.loads(packet[2:])["pid"]
            self.connects += 1
        elif packet.startswith(b"42"):
            self.numbers.append(int(packet[:60].partition(b'"title":"')[2].partition(b'"')[0]))
            self.offsets.append(int(packet[-25:].rpartition(b',"')[2].rstrip(b'"]')))


def read(
    transport: Transport, port: int, auth: dict[str, str], *, count: int, bytes_per_second: float
) -> Reader:
    """Connect, and read until so many events have come."""
    reader = Reader()
    packets = PACKETS[transport](port, auth, bytes_per_second)
    while not reader.connects or len(reader.numbers) < count:
        reader.hear(next(packets))
    packets.close()  # type: ignore[attr-defined]
    return reader


def over_websocket(port: int, auth: dict[str, str], bytes_per_second: float) -> Iterator[bytes]:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(("127.0.0.1", port))
        connection.sendall(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        buffer = b""
        while b"\r\n\r\n" not in buffer:
            buffer += received(connection, bytes_per_second)
        buffer = buffer.partition(b"\r\n\r\n")[2]
        connection.sendall(masked(b"40" + json.dumps(auth).encode()))
        while True:
            frame, buffer = split_frame(buffer)
            if frame is None:
                buffer += received(connection, bytes_per_second)
            else:
                yield frame


def received(connection: socket.socket, bytes_per_second: float) -> bytes:
    data = connection.recv(RECEIVE_BYTES)
    if not data:
        raise ConnectionError("closed by the server")
    time.sleep(len(data) / bytes_per_second)
    return data


def masked(text: bytes) -> bytes:
    """A text frame with a mask of zeros."""
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


def split_frame(buffer: bytes) -> tuple[bytes | None, bytes]:
    """The payload of the first frame, None if it is not there yet, and what follows it."""
    if len(buffer) < 2:
        return None, buffer
    length, start = buffer[1], 2
    if length in (MEDIUM, LONG):
        start = 4 if length == MEDIUM else 10
        if len(buffer) < start:
            return None, buffer
        length = int.from_bytes(buffer[2:start], "big")
    if len(buffer) < start + length:
        return None, buffer
    return buffer[start : start + length], buffer[start + length :]


def over_polling(port: int, auth: dict[str, str], bytes_per_second: float) -> Iterator[bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        address = "/socket.io/?EIO=4&transport=polling"
        opening = asked(connection, "GET", address)
        address += f"&sid={json.loads(opening[1:])['sid']}"
        asked(connection, "POST", address, b"40" + json.dumps(auth).encode())
        while True:
            answer = asked(connection, "GET", address)
            time.sleep(len(answer) / bytes_per_second)
            yield from answer.split(SEPARATOR)
    finally:
        connection.close()


def asked(connection: HTTPConnection, method: str, address: str, body: bytes = b"") -> bytes:
    connection.request(method, address, body or None)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise ConnectionError(f"{answer.status} {text!r}")
    return text


PACKETS: dict[Transport, Callable[[int, dict[str, str], float], Iterator[bytes]]] = {
    "websocket": over_websocket,
    "polling": over_polling,
}

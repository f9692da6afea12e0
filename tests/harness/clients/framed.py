"""A bare WebSocket on a bare socket: it sends what it is told to, and reads when it is told to."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.harness.clients.frames import client_frame
from tests.harness.waiting import DEADLINE_SECONDS

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
ENGINE = "/socket.io/?EIO=4&transport="
UPGRADE = (
    "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


class Wire:
    """`connection` is the socket; what is heard is whole frames."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")

    def head(self) -> str:
        """An HTTP head -> its first line."""
        first = line = self._file.readline()
        while line.strip():
            line = self._file.readline()
        return first.decode().strip()

    def say(self, text: str, **changes: Any) -> None:
        self.connection.sendall(client_frame(TEXT, text.encode(), **changes))

    def flood(self, data: bytes) -> None:
        """Send what the server need not read to its end."""
        with suppress(ConnectionError):
            self.connection.sendall(data)

    def frame(self) -> tuple[int, bytes]:
        """(opcode, payload) of the next frame; (CLOSE, b"") at the end of the connection."""
        try:
            head = self._file.read(2)
            if len(head) < 2:
                return CLOSE, b""
            length = head[1]
            if length > 125:
                length = int.from_bytes(self._file.read(2 if length == 126 else 8), "big")
            payload = self._file.read(length)
        except ConnectionError:
            return CLOSE, b""
        return (head[0] & 0x0F, payload) if len(payload) == length else (CLOSE, b"")

    def hear(self) -> str:
        """The next text, which is no Engine.IO ping."""
        opcode, payload = self.frame()
        while payload == b"2":
            self.say("3")
            opcode, payload = self.frame()
        assert opcode == TEXT, (opcode, payload)
        return payload.decode()

    def answers(self) -> bool:
        """It is still open, and all that was sent before was read: a PING gets its PONG."""
        self.connection.sendall(client_frame(PING, b"?"))
        while (heard := self.frame())[0] not in (PONG, CLOSE):
            continue
        return heard == (PONG, b"?")

    def close_code(self) -> int:
        """What the server closes with, whatever it said before; 0 if it only left."""
        while (heard := self.frame())[0] != CLOSE:
            continue
        return int.from_bytes(heard[1][:2], "big")

    def close(self) -> None:
        self._file.close()
        self.connection.close()


@contextmanager
def wire(port: int, *, buffer: int | None = None, path: str = ENGINE) -> Iterator[Wire]:
    """An open WebSocket; `buffer`: bytes that its kernel may take while nobody reads."""
    with socket.socket() as connection:
        if buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(DEADLINE_SECONDS)
        connection.connect(("127.0.0.1", port))
        connection.sendall(f"GET {path}websocket HTTP/1.1\r\n{UPGRADE}\r\n".encode())
        opened = Wire(connection)
        try:
            assert opened.head() == "HTTP/1.1 101 Switching Protocols"
            assert opened.hear().startswith("0{")
            yield opened
        finally:
            opened.close()

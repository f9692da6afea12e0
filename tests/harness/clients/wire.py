"""Engine.IO (protocol 4) by hand: requests that are answered later, sessions over long-polling and
over WebSockets. Nothing here answers a ping by itself."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any, NamedTuple

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.harness.waiting import DEADLINE_SECONDS, wait_until

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
SEPARATOR = "\x1e"
ENGINE, SOCKET = "/engine.io/", "/socket.io/"  # the paths of tests/conformance/server.py
Packet = str | bytes


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def packets(self) -> list[str]:
        assert self.status == 200, self
        return self.body.decode().split(SEPARATOR)

    def json(self) -> Any:
        return json.loads(self.body)


class Request:
    """One HTTP request on a connection of its own; its answer is read when somebody asks."""

    def __init__(self, port: int, method: str, target: str, body: bytes = b"", *lines: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS)
        head = [f"{method} {target} HTTP/1.1", "Host: here", *lines]
        if body:
            head.append(f"Content-Length: {len(body)}")
        self.socket.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    def answer(self) -> Answer:
        with self.socket:
            response = HTTPResponse(self.socket)
            response.begin()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())

    def give_up(self) -> None:
        """Close the connection without reading the answer."""
        self.socket.close()


def query(**parameters: str) -> str:
    return "&".join(f"{name}={value}" for name, value in parameters.items())


class Polling:
    """A session over long-polling."""

    def __init__(self, port: int, path: str = ENGINE) -> None:
        self._port = port
        self._target = f"{path}?{query(EIO='4', transport='polling')}"
        [opening] = self._request("GET").answer().packets
        assert opening[0] == OPEN, opening
        self.opened = json.loads(opening[1:])
        self.sid: str = self.opened["sid"]
        self._target += f"&sid={self.sid}"
        self._heard: list[str] = []

    def _request(self, method: str, body: bytes = b"", *lines: str) -> Request:
        return Request(self._port, method, self._target, body, *lines)

    def begin_poll(self, *lines: str) -> Request:
        return self._request("GET", b"", *lines)

    def poll(self, *lines: str) -> Answer:
        return self.begin_poll(*lines).answer()

    def post(self, *packets: str) -> Answer:
        return self.post_body(SEPARATOR.join(packets).encode())

    def begin_post(self, packet: str) -> Request:
        return self._request("POST", packet.encode())

    def post_body(self, body: bytes, *lines: str) -> Answer:
        return self._request("POST", body, *lines).answer()

    def say(self, packet: str) -> None:
        answer = self.post(packet)
        assert (answer.status, answer.body) == (200, b"ok"), answer

    def hear(self) -> str:
        """The next packet, however many came in one payload."""
        while not self._heard:
            self._heard = self.poll().packets
        return self._heard.pop(0)

    def is_over(self) -> bool:
        """Whether its requests are refused: asked with a packet that means nothing."""
        return self.post(NOOP).status == 400

    def wait_for_end(self) -> list[str]:
        """Until the session is over -> what is heard before that."""
        heard, self._heard = self._heard, []
        while (answer := self.poll()).status == 200:
            heard += answer.packets
        assert answer.status == 400, answer
        return heard


class WebSocket:
    """A session over a WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.opened = json.loads(self.hear()[1:])
        self.sid: str = self.opened["sid"]

    def say(self, packet: Packet) -> None:
        self.connection.send(packet)

    def hear(self) -> Any:
        """The next packet: a text, or bytes."""
        return self.connection.recv(timeout=DEADLINE_SECONDS)

    def wait_for_end(self) -> list[Any]:
        """Until the server has closed -> what is heard before that."""
        return until_closed(self.connection)


def until_closed(connection: ClientConnection) -> list[Any]:
    heard = []
    while True:
        try:
            heard.append(connection.recv(timeout=DEADLINE_SECONDS))
        except ConnectionClosed:
            return heard


def close_code(connection: ClientConnection) -> int | None:
    """With which the server closed it; None if it said nothing."""
    close = connection.protocol.close_rcvd
    return None if close is None else int(close.code)


def address(port: int, path: str, **parameters: str) -> str:
    return f"ws://127.0.0.1:{port}{path}?{query(**parameters)}"


@contextmanager
def connected(port: int, path: str, **parameters: str) -> Iterator[ClientConnection]:
    """A WebSocket with this query, before anything was said."""
    with connect(address(port, path, **parameters), proxy=None, max_size=None) as connection:
        yield connection


@contextmanager
def websocket(port: int, path: str = ENGINE) -> Iterator[WebSocket]:
    with connected(port, path, EIO="4", transport="websocket") as connection:
        yield WebSocket(connection)


@contextmanager
def probing(port: int, polling: Polling, path: str = ENGINE) -> Iterator[ClientConnection]:
    """A WebSocket on which the session asks to upgrade."""
    with connected(port, path, EIO="4", transport="websocket", sid=polling.sid) as connection:
        yield connection


def upgrade(connection: ClientConnection) -> None:
    """The probe and the upgrade, of a client that has no poll pending."""
    connection.send(PING + "probe")
    assert connection.recv(timeout=DEADLINE_SECONDS) == PONG + "probe"
    connection.send(UPGRADE)


def refused(port: int, path: str, *, origin: Any = None, **parameters: str) -> Answer:
    """The answer to a WebSocket that is refused."""
    try:
        with connect(address(port, path, **parameters), proxy=None, origin=origin):
            raise AssertionError("it was let in")
    except InvalidStatus as exc:
        response = exc.response
        headers = {name.lower(): value for name, value in response.headers.raw_items()}
        return Answer(response.status_code, headers, bytes(response.body or b""))


class RawWebSocket:
    """A WebSocket without a library: nothing is answered, and nothing closed, unasked."""

    HANDSHAKE = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",  # RFC 6455 section 1.3
    )

    def __init__(self, port: int, path: str) -> None:
        target = f"{path}?{query(EIO='4', transport='websocket')}"
        self.socket = Request(port, "GET", target, b"", *self.HANDSHAKE).socket
        self._data = b""
        while b"\r\n\r\n" not in self._data:
            assert self._receive(), self._data
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head.split(b"\r\n")
        self.opened = json.loads(self.hear()[1][1:])

    def __enter__(self) -> "RawWebSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def port(self) -> int:
        """Ours."""
        return int(self.socket.getsockname()[1])

    def send(self, *frames: bytes) -> None:
        """All at once."""
        self.socket.sendall(b"".join(frames))

    def hear(self) -> tuple[int, bytes]:
        """The next frame: its opcode and its payload, which is short."""
        while len(self._data) < 2 or len(self._data) < 2 + self._data[1]:
            assert self._receive(), self._data
        end = 2 + self._data[1]
        frame, self._data = self._data[:end], self._data[end:]
        return frame[0] & 0x0F, frame[2:]

    def is_at_end(self) -> bool:
        """The server has closed: waits for that, and for nothing else."""
        return not self._data and not self._receive()

    def _receive(self) -> bool:
        more = self.socket.recv(65_536)
        self._data += more
        return bool(more)


def wait_for_end(polling: Polling) -> None:
    wait_until(polling.is_over, "the session is over")

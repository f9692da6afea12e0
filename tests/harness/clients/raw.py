"""Socket.IO by hand, for what no stock client does (engine.io-protocol 4, socket.io-protocol 5)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.harness.clients import loopback
from tests.harness.waiting import DEADLINE_SECONDS

CLOSE, PING, PONG = "1", "2", "3"  # Engine.IO packets
CONNECT, DISCONNECT, EVENT, CONNECT_ERROR = "40", "41", "42", "44"  # Socket.IO ones, in a message


def introduce(token: object) -> str:
    """The CONNECT packet with this token."""
    return CONNECT + json.dumps({"token": token})


class RawClient:
    """`say` sends one packet, `hear` gives the next one that is no ping."""

    def say(self, packet: str) -> None:
        raise NotImplementedError

    def hear(self) -> str:
        raise NotImplementedError

    def hear_json(self, kind: str) -> Any:
        """The body of the next packet, which must be of this kind."""
        heard = self.hear()
        assert heard.startswith(kind), heard
        return json.loads(heard.removeprefix(kind))


class RawWebSocket(RawClient):
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.opened = self.hear_json("0")

    def say(self, packet: str) -> None:
        self.socket.send(packet)

    def hear(self) -> str:
        while (packet := self.socket.recv(timeout=DEADLINE_SECONDS)) == PING:
            self.say(PONG)
        assert isinstance(packet, str)
        return packet


class RawPolling(RawClient):
    """`say` returns once the POST is answered."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self._http = http
        self._url = f"{url}/socket.io/?EIO=4&transport=polling"
        self._heard: list[str] = []
        self.opened = self.hear_json("0")
        self._url += f"&sid={self.opened['sid']}"

    def say(self, packet: str) -> None:
        self._http.post(self._url, content=packet).raise_for_status()

    def hear(self) -> str:
        while not self._heard:
            packets = self._http.get(self._url).raise_for_status().text.split("\x1e")
            self._heard = [packet for packet in packets if packet != PING]
        return self._heard.pop(0)


@contextmanager
def raw_websocket(url: str, **options: Any) -> Iterator[RawWebSocket]:
    """The Engine.IO handshake is done; the Socket.IO CONNECT is the test's to send."""
    address = f"{url.replace('http', 'ws', 1)}/socket.io/?EIO=4&transport=websocket"
    with connect(address, proxy=None, **options) as socket:
        yield RawWebSocket(socket)


@contextmanager
def raw_polling(url: str) -> Iterator[RawPolling]:
    """The same over long-polling."""
    with loopback.Client(timeout=DEADLINE_SECONDS) as http:
        yield RawPolling(url, http)

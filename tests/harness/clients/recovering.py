"""A client written from docs/protocol.md alone, over a bare websocket."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.harness.clients.raw import CONNECT, EVENT, RawWebSocket, raw_websocket


@dataclass
class RecoveringClient:
    """Reads one packet at a time, and so can be cut after any of them."""

    url: str
    token: str
    pid: str | None = None
    offset: str | None = None
    recovered: bool = False
    heard: list[str] = field(default_factory=list)  # packets since it last connected
    events: list[tuple[str, list[Any]]] = field(default_factory=list)  # all of its life
    _raw: RawWebSocket | None = None

    @contextmanager
    def opened(self) -> Iterator["RecoveringClient"]:
        """A transport with the CONNECT sent and nothing read. Cut in the end, without a word."""
        with raw_websocket(self.url) as self._raw:
            self.heard = []
            auth = {"token": self.token, "pid": self.pid, "offset": self.offset}
            given = {key: value for key, value in auth.items() if value is not None}
            self._raw.say(CONNECT + json.dumps(given))
            yield self
            self._raw.socket.socket.shutdown(socket.SHUT_RDWR)

    def read(self, count: int = 1) -> "RecoveringClient":
        """So many packets, waited for; anything but CONNECT and events is left in `heard`."""
        assert self._raw is not None
        for _ in range(count):
            packet = self._raw.hear()
            self.heard.append(packet)
            if packet.startswith(CONNECT):
                pid = json.loads(packet.removeprefix(CONNECT))["pid"]
                self.recovered, self.pid = pid == self.pid, pid
            elif packet.startswith(EVENT):
                name, *arguments = json.loads(packet.removeprefix(EVENT))
                self.events.append((name, arguments))
                if isinstance(arguments[-1], str):
                    self.offset = arguments[-1]
        return self

    @property
    def offsets(self) -> list[int]:
        return [int(arguments[-1]) for _, arguments in self.events]

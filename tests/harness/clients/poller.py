"""A client written from docs/protocol.md alone, over long-polling: one answer at a time."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.harness.clients import loopback
from tests.harness.clients.raw import CLOSE, CONNECT, EVENT, PING, PONG
from tests.harness.waiting import DEADLINE_SECONDS

SEPARATOR = "\x1e"


@dataclass
class Poller:
    """`poll` makes one request and takes what is in its answer."""

    url: str
    token: str
    pid: str | None = None
    offset: str | None = None
    recovered: bool = False
    sid: str = ""
    events: list[Any] = field(default_factory=list)  # payloads, all of its life
    offsets: list[int] = field(default_factory=list)

    def connect(self) -> "Poller":
        """A new session with the CONNECT sent and nothing read."""
        self.sid = ""
        [opening] = self._get().text.split(SEPARATOR)
        self.sid = json.loads(opening[1:])["sid"]
        auth = {"token": self.token, "pid": self.pid, "offset": self.offset}
        given = {key: value for key, value in auth.items() if value is not None}
        self.say(CONNECT + json.dumps(given))
        return self

    def say(self, packet: str) -> None:
        answer = loopback.post(self._address, content=packet, timeout=DEADLINE_SECONDS)
        answer.raise_for_status()

    def poll(self) -> list[str]:
        """The packets of one answer; none of a session that is gone."""
        answer = self._get()
        if answer.status_code == 400:
            return []
        packets = answer.text.split(SEPARATOR)
        for packet in packets:
            if packet == PING:
                self.say(PONG)
            elif packet.startswith(CONNECT):
                pid = json.loads(packet.removeprefix(CONNECT))["pid"]
                self.recovered, self.pid = pid == self.pid, pid
            elif packet.startswith(EVENT):
                self.take(packet)
        return packets

    def take(self, packet: str) -> None:
        _, payload, self.offset = json.loads(packet.removeprefix(EVENT))
        self.events.append(payload)
        self.offsets.append(int(str(self.offset)))

    def poll_until(self, count: int) -> "Poller":
        """Until it has so many events, over as many connections as that takes."""
        while len(self.events) < count:
            packets = self.poll()
            if not packets or CLOSE in packets:
                assert packets in ([], [CLOSE])  # which has an answer of its own
                self.connect()
        return self

    @property
    def _address(self) -> str:
        address = f"{self.url}/socket.io/?EIO=4&transport=polling"
        return f"{address}&sid={self.sid}" if self.sid else address

    def _get(self) -> httpx.Response:
        return loopback.get(self._address, timeout=DEADLINE_SECONDS)

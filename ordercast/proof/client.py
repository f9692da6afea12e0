"""A client as docs/protocol.md has it, in a thread of its own: whenever its connection ends, it
comes back with its pid and the offset of the last event that it handled."""

import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from ordercast.events import PROOF
from ordercast.proof.endpoint import Endpoint
from ordercast.proof.transcript import Place
from ordercast.proof.wires import Transport, Wire, open_wire

PING, PONG, MESSAGE_EVENT, CONNECTED, REFUSED = "2", "3", "42", "40", "44"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0  # between two tries


class Client(threading.Thread):
    """`received` are the events of the proof `run`, as they came."""

    def __init__(
        self, endpoint: Endpoint, transport: Transport, auth: Mapping[str, Any], run: str
    ) -> None:
        super().__init__(name=f"client {transport}", daemon=True)
        self.transport = transport
        self.received: list[Place] = []
        self.connects = 0
        self.unrecovered = 0  # connects after the first with another pid
        self.longest_away = 0.0  # seconds, from the end of a connection to the next CONNECT
        self.longest_wait = 0.0  # seconds, from before an event's commit, offline or not
        self.problem = ""  # the last one
        self._endpoint = endpoint
        self._auth = auth
        self._run_id = run
        self._pid: str | None = None
        self._offset: str | None = None
        self._lock = threading.Lock()  # guards `_wire` and `_offline_until`
        self._wire: Wire | None = None
        self._abandoned: list[Wire] = []
        self._offline_until = 0.0  # monotonic seconds
        self._away_since: float | None = None
        self._stop_asked = threading.Event()

    def cut(self, *, seconds: float) -> None:
        """Cut the connection, and stay offline for so long."""
        with self._lock:
            self._offline_until = time.monotonic() + seconds
            if self._wire is not None:
                self._wire.cut()

    def abandon(self) -> None:
        """Connect anew, while the server still has the connection of before."""
        with self._lock:
            if self._wire is not None:
                self._wire.abandon()
                self._abandoned.append(self._wire)
                self._wire = None

    def stop(self) -> None:
        """Disconnect, and wait for the end of the thread."""
        self._stop_asked.set()
        self.cut(seconds=0)
        if self.is_alive():
            self.join()
        for wire in self._abandoned:
            wire.close()

    def run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stop_asked.is_set():
            connects = self.connects
            try:
                self._connect_and_read()
            except (OSError, ValueError, KeyError, TypeError) as exc:
                self.problem = str(exc) or type(exc).__name__
            if self.connects > connects:
                pause = FIRST_PAUSE_SECONDS
                self._away_since = time.monotonic()
            self._wait(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _wait(self, pause: float) -> None:
        """Wait while the client is offline, which is no time that the service needs."""
        offline = max(0.0, self._offline_until - time.monotonic())
        self._stop_asked.wait(offline)
        if self._away_since is not None:
            self._away_since += offline
        self._stop_asked.wait(pause)

    def _connect_and_read(self) -> None:
        wire = open_wire(self._endpoint, self.transport)
        with self._lock:
            self._wire = wire
        try:
            known = {"pid": self._pid, "offset": self._offset}
            auth = {**self._auth, **{key: text for key, text in known.items() if text is not None}}
            wire.send(CONNECTED + orjson.dumps(auth).decode())
            for packet in wire.packets():
                if self._stop_asked.is_set():
                    break
                self._handle(wire, packet)
        finally:
            with self._lock:
                self._wire = None
            if wire not in self._abandoned:
                wire.close()

    def _handle(self, wire: Wire, packet: str) -> None:
        if packet == PING:
            with suppress(OSError):  # the next read says so
                wire.send(PONG)
        elif packet.startswith(CONNECTED):
            self._on_connected(orjson.loads(packet.removeprefix(CONNECTED))["pid"])
        elif packet.startswith(REFUSED):
            raise ConnectionRefusedError(packet.removeprefix(REFUSED))
        elif packet.startswith(MESSAGE_EVENT):
            self._on_event(orjson.loads(packet.removeprefix(MESSAGE_EVENT)))

    def _on_connected(self, pid: str) -> None:
        if self._pid is not None and pid != self._pid:
            self.unrecovered += 1
            self._offset = None
        self._pid = pid
        self.connects += 1
        if self._away_since is not None:
            self.longest_away = max(self.longest_away, time.monotonic() - self._away_since)
            self._away_since = None

    def _on_event(self, event: list[Any]) -> None:
        offset = event[-1]
        if not isinstance(offset, str):
            return
        if event[0] == PROOF and event[1]["run"] == self._run_id:
            self.received.append(Place(int(offset), event[1]["number"]))
            self.longest_wait = max(self.longest_wait, time.monotonic() - event[1]["at"])
        self._offset = offset

"""The stock JavaScript client, in a Node process of its own (tests/e2e/node/client.mjs)."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from tests.harness.processes.process import ROOT
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

T = TypeVar("T")
SCRIPTS = ROOT / "tests/e2e/node"
VERSIONS = ("4.8", "4.6")
LEAVE_SECONDS = 2  # its server may be gone


class StockClient:
    """One socket.io-client; what it says is in `said`, oldest first."""

    def __init__(self, url: str, token: str | None = None, *, version: str = "4.8", **options: Any):
        if token is not None:
            options["auth"] = {"token": token}
        self._may_upgrade = options.get("transports") in (None, ["polling", "websocket"])
        self._start("client.mjs", version, url, json.dumps(options))

    def _start(self, script: str, *arguments: str) -> None:
        self.said: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            ["node", str(SCRIPTS / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(json.loads(line))

    def tell(self, **command: Any) -> None:
        """Give it a command: emit, ask, connect, disconnect, auth, cut, stop."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def all(self, what: str) -> list[dict[str, Any]]:
        return [line for line in list(self.said) if line["what"] == what]

    def events(self, name: str | None = None) -> list[list[Any]]:
        """The arguments of each event received: [payload, offset]."""
        return [line["args"] for line in self.all("event") if name in (None, line["event"])]

    def offsets(self, name: str | None = None) -> list[int]:
        """The offset of each event received."""
        return [int(arguments[1]) for arguments in self.events(name)]

    def names(self) -> list[str]:
        return [line["event"] for line in self.all("event")]

    def wait(self, what: str, count: int = 1) -> dict[str, Any]:
        """Until it has said `what` so many times -> the last of them."""
        return self._until(lambda: self.all(what), what, count)[count - 1]

    def wait_settled(self, count: int = 1) -> dict[str, Any]:
        """Until it is connected for the nth time, and on the transport that it stays on -> what it
        said of the connect.

        Cut in the middle of an upgrade, it has stopped polling and does not begin again: it notices
        only when the pings fail to come.
        """
        connect = self.wait("connect", count)
        if self._may_upgrade and connect["transport"] == "polling":
            after = self.said.index(connect)
            self._until(
                lambda: [line for line in self.said[after:] if line["what"] == "upgrade"],
                "upgrade after the connect",
                1,
            )
        return connect

    def wait_event(
        self, name: str, count: int = 1, *, seconds: float = DEADLINE_SECONDS
    ) -> list[Any]:
        """Until it got so many of this event -> the arguments of the last of them."""
        return self._until(lambda: self.events(name), name, count, seconds)[count - 1]

    def _until(
        self,
        found: Callable[[], list[T]],
        what: str,
        count: int,
        seconds: float = DEADLINE_SECONDS,
    ) -> list[T]:
        def enough() -> list[T]:
            return here if len(here := found()) >= count else []

        try:
            return wait_until(enough, f"{count} x {what}", seconds=seconds)
        except TimeoutError as exc:
            raise TimeoutError(f"{exc}; it said: {self.said}") from None

    def freeze(self) -> None:
        """It runs no more, as a page in the background: what it is sent, it has not seen."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def leave(self) -> None:
        """Disconnect and end, so that a polling client leaves no request waiting behind it."""
        if self._process.poll() is None:
            self.tell(stop=True)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=LEAVE_SECONDS)
        self.close()

    def close(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

"""Many stock clients in one Node process (tests/e2e/node/crowd.mjs)."""

import json
from collections.abc import Sequence
from typing import Any

from tests.harness.clients.stock import StockClient

GOOD = {"connect", "upgrade", "answer", "event", "disconnect"}


class Crowd(StockClient):
    """So many socket.io-clients; each line of `said` has the number `n` of who said it."""

    def __init__(self, url: str, count: int, token: str | None = None, **options: Any) -> None:
        if token is not None:
            options["auth"] = {"token": token}
        self.count = count
        self._start("crowd.mjs", str(count), url, json.dumps(options))

    def wait_all(self, what: str, times: int = 1) -> None:
        """Until each of them has said `what` so many times, and none of them more."""
        self.wait(what, self.count * times)
        told = [line["n"] for line in self.all(what)]
        assert all(told.count(n) == times for n in range(self.count)), what

    def ask(self, event: str, times: int = 1) -> None:
        """Each emits the event with its number, for the nth time, and gets that back."""
        self.tell(ask=event)
        self.wait_all("answer", times)
        assert all(line["answer"] in (line["n"], [line["n"]]) for line in self.all("answer"))

    def cut(self, clients: Sequence[int]) -> None:
        """Cut the WebSockets of these off; each comes back by itself."""
        self.tell(cut=list(clients))

    def payloads(self, event: str) -> dict[int, list[Any]]:
        """What each has got by this event, in order."""
        got: dict[int, list[Any]] = {n: [] for n in range(self.count)}
        for line in self.all("event"):
            if line["event"] == event:
                got[line["n"]].append(line["args"][0])
        return got

    def sessions(self) -> dict[int, str]:
        """The Engine.IO session that each has now."""
        return {line["n"]: line["eio"] for line in self.all("connect")}

    def troubles(self) -> list[dict[str, Any]]:
        """Everything that should not have happened."""
        return [line for line in list(self.said) if line["what"] not in GOOD]

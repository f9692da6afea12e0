"""An ordinary client that goes on while something happens to the server, and how long it waits."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from tests.harness.clients.framed import wire

ENOUGH_SECONDS = 5.0  # generous: a client that is shut out waits longer
PAUSE_SECONDS = 0.01  # between two questions


@dataclass
class Witness:
    """Seconds until each answer, over a WebSocket and over HTTP."""

    waits: list[float] = field(default_factory=list)
    trouble: Exception | None = None

    def __str__(self) -> str:
        sorted_ms = [wait * 1000 for wait in sorted(self.waits)]
        p50, p99 = (sorted_ms[int(len(sorted_ms) * part)] for part in (0.5, 0.99))
        return f"{len(sorted_ms)} answers, p50 {p50:.1f} p99 {p99:.1f} max {sorted_ms[-1]:.1f} ms"


@contextmanager
def witness(port: int) -> Iterator[Witness]:
    """Ask until the block ends. AssertionError if an answer did not come in time."""
    told, enough = Witness(), threading.Event()

    def ask() -> None:
        web = http.client.HTTPConnection("127.0.0.1", port, timeout=ENOUGH_SECONDS)
        with closing(web), wire(port) as client:
            client.connection.settimeout(ENOUGH_SECONDS)
            client.say("40")
            assert client.hear().startswith("40")
            assert client.hear() == '42["auth",{}]'
            number = 0
            while not enough.wait(PAUSE_SECONDS):
                number += 1
                began = time.perf_counter()
                client.say(f'42["message",{number}]')
                assert client.hear() == f'42["message-back",{number}]'
                heard = time.perf_counter()
                web.request("GET", "/nothing")
                assert web.getresponse().read()
                told.waits += [heard - began, time.perf_counter() - heard]

    def run() -> None:
        try:
            ask()
        except (OSError, AssertionError, http.client.HTTPException) as exc:
            told.trouble = exc

    asking = threading.Thread(target=run)
    asking.start()
    try:
        yield told
    finally:
        enough.set()
        asking.join()
    assert told.trouble is None, told.trouble
    assert max(told.waits) < ENOUGH_SECONDS

"""An ordinary client that goes on while something happens to the server."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from tests.harness.clients.framed import wire
from tests.harness.waiting import DEADLINE_SECONDS

PAUSE_SECONDS = 0.01  # between two questions


@dataclass
class Witness:
    """How many answers came, over a WebSocket and over HTTP."""

    answers: int = 0
    trouble: Exception | None = None


@contextmanager
def witness(port: int) -> Iterator[Witness]:
    """Ask until the block ends. AssertionError if an answer did not come in time."""
    told, enough = Witness(), threading.Event()

    def ask() -> None:
        web = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
        with closing(web), wire(port) as client:
            client.connection.settimeout(DEADLINE_SECONDS)
            client.say("40")
            assert client.hear().startswith("40")
            assert client.hear() == '42["auth",{}]'
            number = 0
            while not enough.wait(PAUSE_SECONDS):
                number += 1
                client.say(f'42["message",{number}]')
                assert client.hear() == f'42["message-back",{number}]'
                web.request("GET", "/nothing")
                assert web.getresponse().read()
                told.answers += 2

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

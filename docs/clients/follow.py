"""Every event of one user, once, also over restarts of this script: follow.py bob@example.com

The wire protocol by hand, with the package `websockets` alone; the place (pid and offset) is kept
in a file. URL, PASSWORD, PLACE: environment.
"""

import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

URL = os.environ.get("URL", "http://127.0.0.1:8000")
PASSWORD = os.environ.get("PASSWORD", "ordercast-demo")
PLACE = Path(os.environ.get("PLACE", "place.json"))
SOCKET = f"ws{URL.removeprefix('http')}/socket.io/?EIO=4&transport=websocket"
MAX_WAIT_SECONDS = 30


def post(path: str, body: object) -> Any:
    request = urllib.request.Request(f"{URL}{path}", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class Session:
    """A login whose token is fresh."""

    def __init__(self, email: str, password: str) -> None:
        self._take(post("/api/auth/login", {"email": email, "password": password}))

    def token(self) -> str:
        """The token, or the next one when it ends within a minute or the last fifth of its life."""
        if self.is_due():
            self.refresh()
        return self._token

    def refresh(self) -> None:
        self._take(post("/api/auth/refresh", {"refreshToken": self._refresh_token}))

    def is_due(self) -> bool:
        return time.monotonic() > self._due

    def _take(self, answer: Any) -> None:
        self._token: str = answer["accessToken"]
        self._refresh_token: str = answer["refreshToken"]
        seconds: float = answer["expiresIn"]
        self._due = time.monotonic() + seconds - min(60, seconds / 5)


def keep(place: dict[str, str]) -> None:
    """Whole, whenever this process dies."""
    new = PLACE.with_suffix(".new")
    new.write_text(json.dumps(place))
    new.replace(PLACE)


def handle(name: str, *arguments: Any) -> None:
    print(json.dumps([name, *arguments]), flush=True)


def listen(socket: ClientConnection, session: Session, place: dict[str, str]) -> None:
    """One connection, from the handshake to its end; `place` moves along."""
    hello = json.loads(str(socket.recv(timeout=30))[1:])
    silence = (hello["pingInterval"] + hello["pingTimeout"]) / 1000
    socket.send(f"40{json.dumps({'token': session.token(), **place})}")
    while True:
        message = str(socket.recv(timeout=silence))
        if message == "2":
            socket.send("3")
            if session.is_due():
                socket.send(f"420{json.dumps(['auth:refresh', {'token': session.token()}])}")
        elif message.startswith("40"):
            arrive(json.loads(message[2:])["pid"], place)
        elif message.startswith("42"):
            arguments = json.loads(message[2:])
            handle(*arguments)  # first; a connection that ends here brings it again
            if isinstance(arguments[-1], str):
                place["offset"] = arguments[-1]
                keep(place)
        elif message.startswith("44"):
            refusal = json.loads(message[2:])
            if refusal.get("data", {}).get("code") != "token_expired":
                sys.exit(f"refused: {refusal['message']}")
            session.refresh()
            return
        elif message == "41":
            sys.exit("logged out")
        elif message == "1":
            return


def arrive(pid: str, place: dict[str, str]) -> None:
    """With the pid that we sent, what was missed follows; with another, nothing does."""
    recovered = pid == place.get("pid")
    print(
        "connected, recovered" if recovered else "connected anew: read your snapshots",
        file=sys.stderr,
    )
    if not recovered:
        place.clear()
        place["pid"] = pid
        keep(place)


def main(email: str) -> None:
    session = Session(email, PASSWORD)
    place = json.loads(PLACE.read_text()) if PLACE.exists() else {}
    wait = 1.0  # seconds
    while True:
        started = time.monotonic()
        try:
            with connect(SOCKET) as socket:
                listen(socket, session, place)
        except urllib.error.HTTPError as error:
            if error.code == 401:
                sys.exit("the session is over: log in again")
        except (OSError, WebSocketException):  # the network, or the service: come back
            pass
        wait = (
            1.0
            if time.monotonic() - started > MAX_WAIT_SECONDS
            else min(wait * 2, MAX_WAIT_SECONDS)
        )
        time.sleep(wait * random.random())


if __name__ == "__main__":
    main(sys.argv[1])

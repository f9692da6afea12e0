"""As many connections as a process may have, and one more."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.harness.clients.wire import SOCKET, RawWebSocket, Request, query
from tests.harness.processes.gunicorn import Gunicorn
from tests.harness.processes.workers import connected
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

APPLICATION = "tests.conformance.server:app"
MAX_CONNECTIONS = 20
FILES = 40
START = Callable[..., Gunicorn]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(stack: ExitStack, tmp_path: Path) -> START:
    def make(*options: str, under: tuple[str, ...] = ()) -> Gunicorn:
        server = Gunicorn(APPLICATION, tmp_path, *options, under=under)
        stack.callback(server.stop)
        return server

    return make


def idle(server: Gunicorn, stack: ExitStack) -> socket.socket:
    """A connection that asks nothing."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_SECONDS)
    stack.enter_context(connection)
    return connection


def status(server: Gunicorn) -> int | None:
    """Of the answer to a request; None without one."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)
    try:
        connection.request("GET", "/nothing")
        return connection.getresponse().status
    except (ConnectionError, HTTPException):
        return None
    finally:
        connection.close()


def opened(server: Gunicorn, stack: ExitStack) -> socket.socket | None:
    """A WebSocket, or None where it is not let in."""
    target = f"{SOCKET}?{query(EIO='4', transport='websocket')}"
    request = Request(server.port, "GET", target, b"", *RawWebSocket.HANDSHAKE)
    stack.enter_context(request.socket)
    with suppress(ConnectionError):
        return request.socket if request.socket.recv(12) == b"HTTP/1.1 101" else None
    return None


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_of_connections_that_ask_nothing_the_oldest_make_place(
    start: START, stack: ExitStack
) -> None:
    server = start("--worker-connections", str(MAX_CONNECTIONS))
    connections = [idle(server, stack) for _ in range(3 * MAX_CONNECTIONS)]

    assert status(server) == 404

    wait_until(
        lambda: connected(server.worker().pid) <= MAX_CONNECTIONS, "no more than it may have"
    )
    wait_until(lambda: is_closed(connections[0]), "the oldest is closed")
    assert not is_closed(connections[-1])
    assert "out of connections" in server.process.output()


def test_where_no_connection_is_idle_a_new_one_is_told_503(start: START, stack: ExitStack) -> None:
    server = start("--worker-connections", str(MAX_CONNECTIONS))
    # The connection that asked whether the process answers counts until its end is noticed.
    wait_until(lambda: connected(server.worker().pid) == 0, "no connection is open")
    websockets = [
        stack.enter_context(RawWebSocket(server.port, SOCKET)) for _ in range(MAX_CONNECTIONS)
    ]

    assert status(server) == 503

    assert connected(server.worker().pid) <= MAX_CONNECTIONS
    websockets[0].socket.close()
    wait_until(lambda: status(server) == 404, "there is a place again")


def test_out_of_descriptors_it_is_never_deaf(start: START, stack: ExitStack) -> None:
    server = start(under=("prlimit", f"--nofile={FILES}:{FILES}"))
    for _ in range(3 * FILES):
        idle(server, stack)
    assert status(server) == 404

    websockets = []
    while (websocket := opened(server, stack)) is not None:
        websockets.append(websocket)
    assert 0 < len(websockets) < FILES
    assert status(server) in (503, None)  # at once, and not after they are gone

    assert "out of descriptors" in server.process.output()
    for websocket in websockets:
        websocket.close()
    wait_until(lambda: status(server) == 404, "it serves again")
    assert server.process.output().count("out of ") < 60  # one a second, not one a connection

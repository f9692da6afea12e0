"""Clients that send a body, or take an answer, so slowly that they would keep their place for
ever."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPResponse

import pytest

from tests.conftest import fresh_database
from tests.harness.clients import loopback
from tests.harness.clients.raw import raw_polling
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

BODIES = 100
PAUSE = 0.05  # seconds between two bytes
LENGTH = 60_000  # bytes: at that pace most of an hour
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def service(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    for url in fresh_database(request, "sqlite"):
        folder = tmp_path_factory.mktemp("service")
        service = Service(
            folder, database_url=url, redis_url=redis_server.url, REQUEST_TIMEOUT="1.5"
        )
        service.start_web()
        yield service
        service.stop()


class Trickle:
    """Connections on which a byte goes out now and then, until nobody reads any more."""

    def __init__(self) -> None:
        self._enough = threading.Event()
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run)

    def add(self, connection: socket.socket) -> None:
        self._connections.append(connection)

    def _run(self) -> None:
        while not self._enough.wait(PAUSE):
            for connection in self._connections:
                with suppress(OSError):
                    connection.send(b" ")

    def __enter__(self) -> "Trickle":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()


@pytest.fixture
def trickle() -> Iterator[Trickle]:
    with Trickle() as trickle:
        yield trickle


@pytest.fixture
def begin(service: Service) -> Iterator[Callable[..., socket.socket]]:
    """A builder: a connection on which this was sent."""
    with ExitStack() as stack:

        def make(*lines: str) -> socket.socket:
            address = ("127.0.0.1", service.port)
            connection = socket.create_connection(address, timeout=DEADLINE_SECONDS)
            stack.callback(connection.close)
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            return connection

        yield make


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    response = HTTPResponse(connection)
    response.begin()
    return response.status, {**response.headers}, response.read()


@pytest.mark.parametrize("framed", [f"Content-Length: {LENGTH}", CHUNKED])
def test_a_body_that_comes_byte_by_byte_is_told_408(
    service: Service, begin: Callable[..., socket.socket], trickle: Trickle, framed: str
) -> None:
    head = ("POST /api/auth/login HTTP/1.1", "Host: shop", "Content-Type: application/json")
    connection = begin(*head, framed)
    if framed == CHUNKED:
        connection.sendall(b"ea60\r\n")
    trickle.add(connection)

    status, headers, body = answer(connection)

    assert (status, json.loads(body)["error"]["code"]) == (408, "request_timeout")
    assert headers["Connection"] == "close"


def test_a_polling_clients_body_that_comes_byte_by_byte_is_told_408(
    service: Service, begin: Callable[..., socket.socket], trickle: Trickle
) -> None:
    with raw_polling(service.url) as session:
        target = f"/socket.io/?EIO=4&transport=polling&sid={session.opened['sid']}"
        connection = begin(f"POST {target} HTTP/1.1", "Host: shop", f"Content-Length: {LENGTH}")
        trickle.add(connection)

        status, headers, body = answer(connection)

        assert (status, json.loads(body)["code"]) == (408, "request_timeout")
        assert headers["Connection"] == "close"
        session.say("40/nowhere,")  # it goes on
        assert session.hear().startswith("44/nowhere,")


def test_a_body_that_nobody_reads_has_the_same_deadline(
    service: Service, begin: Callable[..., socket.socket], trickle: Trickle
) -> None:
    connection = begin("POST /nowhere HTTP/1.1", "Host: shop", f"Content-Length: {LENGTH}")
    trickle.add(connection)
    assert answer(connection)[0] == 404
    with suppress(ConnectionResetError):
        assert connection.recv(1) == b""


def test_of_a_body_that_nobody_reads_a_gigabyte_is_not_waited_for(
    begin: Callable[..., socket.socket],
) -> None:
    connection = begin("POST /nowhere HTTP/1.1", "Host: shop", "Content-Length: 1000000000")
    sent = 0
    with suppress(OSError):
        while sent < 1_000_000_000:
            sent += connection.send(b"x" * 1_000_000)
    assert sent < 200_000_000


def test_a_hundred_of_them_at_once_are_all_gone_and_counted(
    service: Service, begin: Callable[..., socket.socket], trickle: Trickle
) -> None:
    before = cut(service, "body")
    head = ("POST /api/auth/login HTTP/1.1", "Host: shop", "Content-Type: application/json")
    connections = [begin(*head, f"Content-Length: {LENGTH}") for _ in range(BODIES)]
    for connection in connections:
        trickle.add(connection)
    assert {answer(connection)[0] for connection in connections} == {408}
    wait_until(lambda: cut(service, "body") >= before + BODIES, "all are counted")


def test_a_large_body_on_a_slow_line_has_its_time(
    service: Service, begin: Callable[..., socket.socket]
) -> None:
    """Twice the deadline, at more than a kilobyte a second."""
    body = b'{"email": "' + b"x" * 30_000 + b'"}'
    head = ("POST /api/auth/login HTTP/1.1", "Host: shop", "Content-Type: application/json")
    connection = begin(*head, f"Content-Length: {len(body)}")
    pause = threading.Event()
    for at in range(0, len(body), 1000):
        connection.sendall(body[at : at + 1000])
        pause.wait(0.1)
    assert answer(connection)[0] == 422


def test_a_client_that_does_not_take_its_answer_is_cut(service: Service) -> None:
    """Requests one behind the other: their answers fill what the kernel keeps for a reader that
    reads nothing. That is little where segments are small, and short answers count little for
    the time that a client has."""
    before = cut(service, "answer")
    request = b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        connection.connect(("127.0.0.1", service.port))

        def is_cut() -> bool:
            with suppress(BlockingIOError, ConnectionError):
                connection.send(request * 20, socket.MSG_DONTWAIT)
            return cut(service, "answer") > before

        wait_until(is_cut, "the answer is cut")
    assert service.web is not None
    assert "Traceback" not in service.web.output()


def test_a_head_that_does_not_end_is_told_408(
    service: Service, begin: Callable[..., socket.socket]
) -> None:
    connection = begin()
    connection.sendall(b"GET /healthz HTTP/1.1\r\n")
    with closing(connection):
        assert answer(connection)[0] == 408
    assert cut(service, "head") >= 1


def cut(service: Service, why: str) -> float:
    lines = loopback.get(f"{service.url}/metrics").text.splitlines()
    name = f'ordercast_requests_cut_total{{why="{why}"}} '
    return next((float(line.split()[1]) for line in lines if line.startswith(name)), 0.0)

"""Where a request ends: whatever a proxy in front, or anybody else, says in its head."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from uuid import uuid4

import pytest

from tests.conftest import fresh_database
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import DEADLINE_SECONDS

POLLING = "/socket.io/?EIO=4&transport=polling"
ASKING = {  # for another protocol
    "as Socket.IO's page on nginx": {"Connection": "upgrade"},
    "with keep-alive": {"Connection": "Upgrade, keep-alive"},
    "in lower case": {"connection": "upgrade", "upgrade": "websocket"},
    "for a WebSocket": {"Upgrade": "websocket"},
    "for HTTP/2": {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"},
}


@pytest.fixture(scope="module")
def service(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    for url in fresh_database(request, "sqlite"):
        folder = tmp_path_factory.mktemp("service")
        service = Service(folder, database_url=url, redis_url=redis_server.url)
        service.start_web()
        yield service
        service.stop()


@pytest.fixture
def connection(service: Service) -> Iterator[HTTPConnection]:
    """One connection for all that a test asks: no answer may end it."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=DEADLINE_SECONDS)
    connection.connect()
    connection.auto_open = 0
    with closing(connection):
        yield connection


def ask(
    connection: HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    headers: dict[str, str],
) -> tuple[int, bytes]:
    chunked = "Transfer-Encoding" in headers
    sent = iter([body or b""]) if chunked else body
    connection.request(method, path, sent, headers, encode_chunked=chunked)
    answer = connection.getresponse()
    return answer.status, answer.read()


def account() -> bytes:
    person = {"email": f"{uuid4().hex}@example.com", "password": "correct horse", "name": "Alice"}
    return json.dumps({**person, "role": "customer"}).encode()


@pytest.mark.parametrize("asking", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
def test_a_body_of_the_api_ends_where_it_says(
    connection: HTTPConnection, asking: dict[str, str], chunked: bool
) -> None:
    framed = {"Transfer-Encoding": "chunked"} if chunked else {}
    headers = {"Content-Type": "application/json", **framed, **asking}
    for _ in range(2):
        path = "/api/auth/register"
        status, text = ask(connection, "POST", path, account(), headers=headers)
        assert status == 201, text
    assert ask(connection, "GET", "/healthz", headers=asking)[0] == 200


@pytest.mark.parametrize("asking", ASKING.values(), ids=ASKING)
def test_a_session_over_polling_goes_on_under_every_request_asking_for_another_protocol(
    connection: HTTPConnection, asking: dict[str, str]
) -> None:
    status, opening = ask(connection, "GET", POLLING, headers=asking)
    assert status == 200
    session = f"{POLLING}&sid={json.loads(opening[1:])['sid']}"
    for _ in range(2):
        assert ask(connection, "POST", session, b"40/nowhere,", headers=asking) == (200, b"ok")
        assert ask(connection, "GET", session, headers=asking)[1].startswith(b"44/nowhere,")


def exchange(service: Service, *pieces: bytes) -> list[int]:
    """Send these bytes on one connection -> the statuses of the answers until its end."""
    address = ("127.0.0.1", service.port)
    with socket.create_connection(address, timeout=DEADLINE_SECONDS) as client:
        client.sendall(b"".join(pieces))
        client.shutdown(socket.SHUT_WR)
        stream = client.makefile("rb")
        statuses = []
        while stream.peek(1):
            answer = HTTPResponse(client)
            answer.fp = stream
            answer.begin()
            answer.fp, rest = None, answer.length  # type: ignore[assignment]
            stream.read(rest or 0)
            statuses.append(answer.status)
        return statuses


def post(*fields: str, version: str = "HTTP/1.1") -> bytes:
    head = [f"POST /api/auth/login {version}", "Host: shop", "Content-Type: application/json"]
    return "\r\n".join([*head, *fields, "", ""]).encode("latin-1")


AFTER = b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n"


@pytest.mark.parametrize("last", ["close", "Close, upgrade", "upgrade , close"])
def test_a_connection_ends_when_close_is_among_its_options(service: Service, last: str) -> None:
    request = post(f"Connection: {last}", "Content-Length: 2") + b"{}"
    assert exchange(service, request, AFTER) == [422]


@pytest.mark.parametrize(
    ("options", "statuses"), [("keep-alive, upgrade", [422, 200]), ("upgrade", [422])]
)
def test_of_http_1_0_a_connection_stays_when_that_is_among_its_options(
    service: Service, options: str, statuses: list[int]
) -> None:
    request = post(f"Connection: {options}", "Content-Length: 2", version="HTTP/1.0") + b"{}"
    assert exchange(service, request, AFTER) == statuses


AMBIGUOUS = {
    "two lengths": ("Content-Length: 2", "Content-Length: 40"),
    "two lengths in one field": ("Content-Length: 2, 40",),
    "a length with a sign": ("Content-Length: +2",),
    "a length with an underscore": ("Content-Length: 0_2",),
    "a length and chunks": ("Content-Length: 2", "Transfer-Encoding: chunked"),
    "another coding": ("Transfer-Encoding: gzip, chunked",),
    "no coding at all": ("Transfer-Encoding: identity",),
    "chunks twice": ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "chunks with a vertical tab": ("Transfer-Encoding: \x0bchunked",),
    "a name with a space": ("Content-Length : 2",),
    "a line that is no field": ("nothing", "Content-Length: 2"),
    "a field behind a lone CR": ("X: y\rContent-Length: 2",),
    "two hosts": ("Host: other", "Content-Length: 2"),
}


@pytest.mark.parametrize("fields", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_a_proxy_could_read_in_another_way_is_refused_and_ends_the_connection(
    service: Service, fields: tuple[str, ...]
) -> None:
    assert exchange(service, post(*fields), b"{}", AFTER) == [400]


def test_the_same_length_twice_is_one(service: Service) -> None:
    request = post("Content-Length: 2", "Content-Length: 2") + b"{}"
    assert exchange(service, request, AFTER) == [422, 200]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://shop/healthz", 200),
        ("HTTP://shop:8000/healthz", 200),
        ("https://shop/api/auth/me?x=/", 401),
        ("http://shop", 200),
        ("http://shop?x", 200),
        ("http://shop/socket.io/?EIO=4&transport=polling", 200),
        ("http://shop/nowhere", 404),
        ("http:///healthz", 400),
        ("http://me@shop/healthz", 400),
    ],
)
def test_a_target_may_be_absolute(service: Service, target: str, status: int) -> None:
    assert exchange(service, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) == [status]


def test_the_host_of_an_absolute_target_is_the_hosts_name(service: Service) -> None:
    page = "Host: elsewhere\r\nOrigin: http://shop"
    target = f"http://shop{POLLING}"
    assert exchange(service, f"GET {target} HTTP/1.1\r\n{page}\r\n\r\n".encode()) == [200]


def test_no_answer_leaves_its_type_to_be_guessed(
    service: Service, connection: HTTPConnection
) -> None:
    for method, path in (
        ("GET", "/api/products"),
        ("GET", "/api/nowhere"),
        ("POST", "/api/auth/login"),
        ("OPTIONS", "/api/orders"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", POLLING),
        ("GET", f"{POLLING}&sid=nobody"),
        ("GET", "/socket.io/"),
    ):
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"], path
    for request in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a" * 40_000):
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(request)
            answer = HTTPResponse(client)
            answer.begin()
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

"""Proxies in front, real and spoken for: whose request it is, and which pages are our own."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.harness.clients import loopback
from tests.harness.clients.raw import raw_polling
from tests.harness.clients.stock import StockClient
from tests.harness.processes.process import Process
from tests.harness.processes.service import Service
from tests.harness.processes.workers import frozen, workers
from tests.harness.processes.workers import owner as worker_of
from tests.harness.servers.certificates import certify
from tests.harness.servers.nginx import Nginx
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

OWN = Callable[..., Service]
NODE = Callable[..., StockClient]
POLLING = "/socket.io/?EIO=4&transport=polling"
CLIENT, OTHER = "203.0.113.7", "198.51.100.4"

LOCATION = """
    location / {{
      proxy_pass {upstream};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      {fields}
    }}
"""
PLAIN = "server {{ listen 127.0.0.1:{port};" + LOCATION + "}}"
TLS = (
    "server {{ listen 127.0.0.1:{port} ssl;"
    "ssl_certificate {folder}/shop.pem; ssl_certificate_key {folder}/shop.pem;" + LOCATION + "}}"
)


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Callable[..., Nginx]]:
    """A builder of nginx with these fields for the service."""
    with ExitStack() as stack:

        def make(http: str, upstream: str, *fields: str) -> Nginx:
            lines = " ".join(f"proxy_set_header {field};" for field in fields)
            proxy = Nginx(tmp_path, http, upstream=upstream, fields=lines)
            stack.callback(proxy.stop)
            return proxy

        yield make


def let_in(client: StockClient) -> bool:
    """Whether it comes as far as the check of its token, which is behind that of its origin."""
    return bool(client.wait("connect_error")["message"] == "Invalid token")


def page(origin: str, *transports: str) -> dict[str, Any]:
    return {
        "transports": list(transports),
        "extraHeaders": {"Origin": origin},
        "rejectUnauthorized": False,
    }


def test_a_page_behind_a_proxy_that_ends_tls_and_says_only_host(
    own_service: OWN, nginx: Callable[..., Nginx], stock_client: NODE, tmp_path: Path
) -> None:
    certify(tmp_path)
    service = own_service()
    url = nginx(TLS, service.url, "Host $http_host").url.replace("http", "https")

    for transport in ("polling", "websocket"):
        for origin in (url, url.replace("https", "wss")):
            assert let_in(stock_client(url, "garbage", **page(origin, transport)))


@pytest.mark.parametrize("host", ["shop:443", "SHOP"])
def test_a_page_behind_a_proxy_that_writes_the_port_its_own_way(
    own_service: OWN, nginx: Callable[..., Nginx], stock_client: NODE, host: str
) -> None:
    proxy = nginx(PLAIN, own_service().url, f"Host {host}")

    for origin in ("https://shop", "http://shop:80", "wss://Shop:443"):
        assert let_in(stock_client(proxy.url, "garbage", **page(origin, "websocket")))


def test_a_refused_origin_is_logged_with_what_was_expected(own_service: OWN) -> None:
    service = own_service(CORS_ORIGINS="capacitor://localhost, https://admin.example:443")
    fields = {"Origin": "https://evil", "Host": "shop"}

    assert loopback.get(f"{service.url}{POLLING}", headers=fields).status_code == 403

    assert service.web is not None
    [line] = service.web.logged("origin refused")
    assert line["origin"] == "https://evil"
    expected = ["capacitor://localhost", "http://shop", "https://admin.example", "https://shop"]
    assert line["expected"] == expected


def test_the_pages_of_an_app_connect_and_call(own_service: OWN, stock_client: NODE) -> None:
    """Over HTTP and over Socket.IO by the same rule, however the origin is written."""
    service = own_service(CORS_ORIGINS="capacitor://localhost,wss://Admin.example/")
    for origin in ("capacitor://localhost", "https://admin.example", "https://admin.example:443"):
        assert let_in(stock_client(service.url, "garbage", **page(origin, "polling")))
        answer = loopback.get(f"{service.url}/api/auth/me", headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
    for origin in ("ionic://localhost", "http://admin.example", "null"):
        fields = {"Origin": origin}
        assert loopback.get(f"{service.url}{POLLING}", headers=fields).status_code == 403
        answer = loopback.get(f"{service.url}/api/auth/me", headers=fields)
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]])
def test_a_client_may_leave_the_slash_out(
    own_service: OWN, stock_client: NODE, transports: list[str]
) -> None:
    service = own_service()
    client = stock_client(
        service.url, "garbage", addTrailingSlash=False, path="/socket.io", transports=transports
    )
    assert let_in(client)


def addresses(web: Process | None, message: str) -> set[str | None]:
    assert web is not None
    wait_until(lambda: web.logged(message), message)
    return {line.get("address") for line in web.logged(message)}


def me(service: Service, chain: str) -> int:
    fields = {"X-Forwarded-For": chain}
    return loopback.get(f"{service.url}/api/auth/me", headers=fields).status_code


def test_what_a_peer_forwards_counts_only_if_it_is_trusted(own_service: OWN) -> None:
    service = own_service()
    assert me(service, CLIENT) == 401
    assert addresses(service.web, "request") == {"127.0.0.1"}
    assert service.web is not None
    assert me(service, CLIENT) == 401
    [warning] = service.web.logged(
        "X-Forwarded fields of a peer that is not in TRUSTED_PROXIES do not count"
    )
    assert warning["peer"] == "127.0.0.1"

    lie = {"Origin": "https://evil", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https"}
    assert loopback.get(f"{service.url}{POLLING}", headers=lie).status_code == 403


def test_limits_by_address_see_the_client_behind_a_trusted_proxy(own_service: OWN) -> None:
    service = own_service(
        TRUSTED_PROXIES="127.0.0.0/8",
        MAX_CONNECTIONS_PER_ADDRESS="2",
        LOGIN_ATTEMPTS_PER_MINUTE="2",
    )

    def opens(chain: str) -> int:
        fields = {"X-Forwarded-For": chain}
        return loopback.get(f"{service.url}{POLLING}", headers=fields).status_code

    def logs_in(chain: str) -> int:
        wrong = {"email": "alice@example.com", "password": "wrong"}
        fields = {"X-Forwarded-For": chain}
        url = f"{service.url}/api/auth/login"
        return loopback.post(url, json=wrong, headers=fields).status_code

    # What the client wrote itself, on the left, makes it no other client.
    assert [opens(f"10.0.0.{n}, {CLIENT}") for n in range(4)] == [200, 200, 429, 429]
    assert opens(OTHER) == 200
    assert [logs_in(f"10.0.0.{n}, {CLIENT}") for n in range(4)] == [401, 401, 429, 429]
    assert logs_in(OTHER) == 401
    assert addresses(service.web, "request") == {CLIENT, OTHER}


def test_behind_nginx_over_a_unix_socket_the_client_is_known(
    own_service: OWN, nginx: Callable[..., Nginx], tmp_path: Path, stock_client: NODE
) -> None:
    service = own_service(TRUSTED_PROXIES="unix:")
    assert service.web is not None
    service.web.stop()
    web = service.start_web("--bind", f"unix:{tmp_path / 'web'}")
    before = len(web.logged("request"))
    fields = ("Host shop", f"X-Forwarded-For {CLIENT}", "X-Forwarded-Proto https")
    proxy = nginx(PLAIN, f"http://unix:{tmp_path / 'web'}", *fields)

    loopback.get(f"{proxy.url}/api/auth/me")
    assert {line["address"] for line in web.logged("request")[before:]} == {CLIENT}
    for transport in ("polling", "websocket"):
        assert let_in(stock_client(proxy.url, "garbage", **page("https://shop", transport)))
    assert addresses(web, "connect refused") == {CLIENT}


def ask_who(connection: HTTPConnection) -> None:
    connection.request("GET", "/api/auth/me", headers={"X-Forwarded-For": CLIENT})
    assert json.loads(connection.getresponse().read())["error"]


def test_a_connection_that_is_handed_over_is_still_the_clients(own_service: OWN) -> None:
    service = own_service(TRUSTED_PROXIES="127.0.0.1", WEB_CONCURRENCY="2")
    web = service.web
    assert web is not None
    with raw_polling(service.url) as session:
        pids = workers(web.pid)
        [elsewhere] = {*pids} - {owner := worker_of(session.opened["sid"], pids)}
        connection = HTTPConnection("127.0.0.1", service.port, timeout=DEADLINE_SECONDS)
        with frozen(owner):  # the kernel gives the connection to the other process
            ask_who(connection)
        connection.request("POST", f"{POLLING}&sid={session.opened['sid']}", "40/nowhere,")
        assert connection.getresponse().read() == b"ok"
        ask_who(connection)
        connection.close()

    served = web.logged("request", path="/api/auth/me")
    assert {line["address"] for line in served} == {CLIENT}
    assert [line["pid"] for line in served] == [elsewhere, owner]

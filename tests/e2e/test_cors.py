"""Which pages may connect: Socket.IO checks the Origin that a browser sends with every request."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from websockets.exceptions import WebSocketException

from tests.conftest import fresh_database
from tests.harness.clients import loopback
from tests.harness.clients.raw import raw_websocket
from tests.harness.clients.stock import StockClient
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer

NODE = Callable[..., StockClient]
SHOP, ADMIN = "https://shop.example.com", "http://admin.example.com:3000"
STRANGERS = ("https://evil.example.com", f"{SHOP}.evil.com", "http://shop.example.com", "null")


@pytest.fixture(scope="module", params=[f"{SHOP}, {ADMIN}/", ""], ids=["listed", "unset"])
def service(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """A web process with CORS_ORIGINS, and one where it is empty."""
    for url in fresh_database(request, "sqlite"):
        service = Service(
            tmp_path_factory.mktemp("service"),
            database_url=url,
            redis_url=redis_server.url,
            CORS_ORIGINS=request.param,
            TRUSTED_PROXIES="127.0.0.1",
        )
        service.start_web()
        yield service
        service.stop()


def handshake(service: Service, origin: str | None, **headers: str) -> httpx.Response:
    """The first request of a polling client on a page of this origin."""
    address = f"{service.url}/socket.io/?EIO=4&transport=polling"
    sent = headers if origin is None else {"Origin": origin, **headers}
    return loopback.get(address, headers=sent)


def upgrades(service: Service, origin: str) -> bool:
    """Whether a websocket from a page of this origin gets as far as the Engine.IO handshake."""
    try:
        with raw_websocket(service.url, origin=origin):
            return True
    except WebSocketException:
        return False


def listed(service: Service) -> tuple[str, ...]:
    return (SHOP, ADMIN) if service.env["CORS_ORIGINS"] else ()


def test_a_listed_origin_may_read_the_answer_with_credentials(service: Service) -> None:
    for origin in listed(service):
        answer = handshake(service, origin)

        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert upgrades(service, origin)


def test_any_other_origin_is_refused(service: Service) -> None:
    for origin in {*STRANGERS, SHOP, ADMIN} - set(listed(service)):
        answer = handshake(service, origin)

        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert not upgrades(service, origin)


def test_the_services_own_pages_connect_and_so_does_what_is_no_page(service: Service) -> None:
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "orders.example.com"}

    assert handshake(service, None).status_code == 200
    assert handshake(service, service.url).status_code == 200
    assert upgrades(service, service.url)
    assert handshake(service, "https://orders.example.com", **proxied).status_code == 200
    assert handshake(service, "https://evil.example.com", **proxied).status_code == 403


def test_the_stock_client_on_such_pages(service: Service, stock_client: NODE) -> None:
    for transport in ("websocket", "polling"):
        for origin in (service.url, *listed(service)):
            page = {"transports": [transport], "extraHeaders": {"Origin": origin}}
            client = stock_client(service.url, "garbage", **page)
            # It comes from behind the check of the origin.
            assert client.wait("connect_error")["message"] == "Invalid token"

    page = {"transports": ["polling"], "extraHeaders": {"Origin": STRANGERS[0]}}
    assert stock_client(service.url, **page).wait("connect_error")["message"] == "xhr poll error"

"""Another program holds SQLite's write lock: changes wait for it, and nobody else does."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import register
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

WRITERS = 40  # more than the pool has connections
PATIENCE_SECONDS = 60  # of a client: more than the service's


@contextmanager
def write_lock(url: str) -> Iterator[None]:
    """As `sqlite3 ordercast.db` holds it after BEGIN."""
    with closing(sqlite3.connect(str(make_url(url).database), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def service(
    new_service: Callable[..., Service], sqlite_url: str, own_redis: RedisServer
) -> Service:
    return new_service(database_url=sqlite_url, redis_url=own_redis.url).start()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def order(service: Service, token: str, product: Any) -> httpx.Response:
    return loopback.post(
        f"{service.url}/api/orders",
        json={"items": [{"productId": product["id"], "quantity": 1}]},
        headers=bearer(token),
        timeout=PATIENCE_SECONDS,
    )


def readiness(service: Service) -> tuple[int, str, str]:
    answer = loopback.get(f"{service.url}/readyz", timeout=5)
    body = answer.json()
    return answer.status_code, body["status"], body["database"]


def test_while_changes_wait_everybody_else_is_served(
    service: Service, sqlite_url: str, stock_client: Callable[..., StockClient]
) -> None:
    alice, bob = register(service.url, "customer"), register(service.url, "seller")
    with closing(alice.http), closing(bob.http), ThreadPoolExecutor(WRITERS) as people:
        tea = bob.offers(stock=1000, lowStockThreshold=0)
        with write_lock(sqlite_url):
            answers = [people.submit(order, service, alice.token, tea) for _ in range(WRITERS)]
            stock_client(service.url, bob.token).wait("connect")  # a socket, and what it reads
            products = loopback.get(f"{service.url}/api/products", headers=bearer(alice.token))
            assert products.status_code == 200
            assert loopback.get(f"{service.url}/healthz").status_code == 200
            assert readiness(service) == (200, "degraded", "busy")
            refused = [answer.result() for answer in answers]
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.json()["error"]["code"] for answer in refused} == {"database_unavailable"}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
        wait_until(lambda: order(service, alice.token, tea).status_code == 201, "orders go on")
    assert service.web is not None
    assert service.web.is_running()
    assert "WORKER TIMEOUT" not in service.web.output()


def test_changes_that_waited_for_a_lock_are_made_when_it_is_free(
    service: Service, sqlite_url: str
) -> None:
    alice, bob = register(service.url, "customer"), register(service.url, "seller")
    with closing(alice.http), closing(bob.http), ThreadPoolExecutor(WRITERS) as people:
        tea = bob.offers(stock=1000, lowStockThreshold=0)
        with write_lock(sqlite_url):
            answers = [people.submit(order, service, alice.token, tea) for _ in range(4)]
            wait_until(lambda: readiness(service) == (200, "degraded", "busy"), "the lock is felt")
        assert {answer.result().status_code for answer in answers} == {201}

"""The last units, wanted by many at once: each is sold once, and the seller hears of each sale."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import httpx
import pytest

from app.accounts import tokens
from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.config import Settings
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person
from tests.harness.processes.service import Service

CUSTOMERS = 50
STOCK, THRESHOLD = 10, 3


@pytest.fixture
def service(settings: Settings, tmp_path: Path) -> Iterator[Service]:
    """On the database in which this process makes the accounts: one hash serves for all."""
    service = Service(tmp_path, database_url=settings.DATABASE_URL, redis_url=settings.REDIS_URL)
    yield service.start()
    service.stop()


def test_the_last_units_are_sold_once_each(
    service: Service,
    make_user: Callable[..., Identity],
    stock_client: Callable[..., StockClient],
) -> None:
    def person(name: str, role: Role = Role.CUSTOMER) -> Person:
        identity = make_user(name, role)
        return Person(service.url, identity.user_id, tokens.issue("access", identity.user_id, role))

    bob = person("Bob", Role.SELLER)
    customers = [person(f"Customer{number}") for number in range(CUSTOMERS)]
    seller = stock_client(service.url, bob.token)
    seller.wait("connect")
    tea = bob.offers(stock=STOCK, lowStockThreshold=THRESHOLD)
    body = {"items": [{"productId": tea["id"], "quantity": 1}]}
    together = Barrier(CUSTOMERS)

    def buy(customer: Person) -> httpx.Response:
        customer.call("GET", "/healthz")  # the connection is there
        together.wait()
        with closing(customer.http):
            return customer.call("POST", "/api/orders", json=body)

    with ThreadPoolExecutor(CUSTOMERS) as pool:
        answers = list(pool.map(buy, customers))

    assert Counter(answer.status_code for answer in answers) == {201: STOCK, 409: CUSTOMERS - STOCK}
    refusals = [answer.json()["error"] for answer in answers if answer.status_code == 409]
    assert {error["code"] for error in refusals} == {"out_of_stock"}
    assert bob.get("/api/products")["products"][0]["stock"] == 0

    # One more event behind all of them: what is not there before it never comes.
    bob.post(f"/api/products/{tea['id']}/stock", {"stock": THRESHOLD + 1})
    bob.post(f"/api/products/{tea['id']}/stock", {"stock": THRESHOLD})
    bob.http.close()
    seller.wait_event("inventory:low-stock", 2)
    sold = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    announced = [payload["id"] for payload, _ in seller.events("order:new")]
    assert (len(announced), set(announced)) == (STOCK, sold)
    low = [payload["stock"] for payload, _ in seller.events("inventory:low-stock")]
    assert low == [THRESHOLD, THRESHOLD]  # once for all the sales below, once for the one above

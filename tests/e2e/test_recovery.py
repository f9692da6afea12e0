"""Connection state recovery with the stock client: everything that was missed, in order, once."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.api import Person
from tests.harness.processes import Service
from tests.harness.stock import VERSIONS, StockClient

NODE = Callable[..., StockClient]
TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "both": ["polling", "websocket"]}


def offsets(client: StockClient) -> list[int]:
    return [int(args[-1]) for args in client.events()]


def places(alice: Person, product: Any, count: int) -> list[str]:
    return [alice.orders(product)["id"] for _ in range(count)]


def ids(client: StockClient) -> list[str]:
    return [args[0]["id"] for args in client.events("order:new")]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS.keys())
def test_what_was_missed_is_replayed_in_order_and_once(
    service: Service,
    alice: Person,
    bob: Person,
    stock_client: NODE,
    transports: list[str],
    version: str,
) -> None:
    product = bob.offers(stock=100)
    seller = stock_client(
        service.url, bob.token, version=version, transports=transports, reconnectionDelay=700
    )
    assert seller.wait("connect")["recovered"] in (False, None)
    orders = places(alice, product, 2)
    seller.wait_event("order:new", 2)

    seller.tell(cut=True)
    seller.wait("disconnect")
    orders += places(alice, product, 5)

    assert seller.wait("connect", 2)["recovered"] is True
    orders += places(alice, product, 2)
    seller.wait_event("order:new", 9)
    assert ids(seller) == orders
    assert offsets(seller) == sorted(set(offsets(seller)))


def test_a_client_that_received_no_event_yet_gets_its_first_ones(
    service: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    product = bob.offers(stock=100)
    seller = stock_client(service.url, bob.token, reconnectionDelay=700)
    seller.wait("connect")
    seller.tell(cut=True)
    seller.wait("disconnect")
    orders = places(alice, product, 3)
    assert seller.wait("connect", 2)["recovered"] is True
    seller.wait_event("order:new", 3)
    assert ids(seller) == orders

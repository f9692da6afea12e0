"""The main job: a customer and a seller, each with a stock client, see an order move."""

from collections.abc import Callable

import pytest

from tests.harness.clients.stock import VERSIONS, StockClient
from tests.harness.people.person import Person
from tests.harness.processes.service import Service

pytestmark = pytest.mark.parametrize("version", VERSIONS)
NODE = Callable[..., StockClient]


def test_customer_and_seller_see_the_order_move(
    service: Service, alice: Person, bob: Person, stock_client: NODE, version: str
) -> None:
    customer = stock_client(service.url, alice.token, version=version)
    seller = stock_client(service.url, bob.token, version=version)
    customer.wait("connect")
    seller.wait("connect")
    assam = bob.offers(name="Assam", stock=6, lowStockThreshold=5)

    order = alice.orders(assam)

    announced, offset = seller.wait_event("order:new")
    assert announced == order
    assert order["expiresAt"] > order["createdAt"]
    placed, placed_offset = customer.wait_event("order:placed")
    assert placed == order
    assert int(placed_offset) < int(offset)
    assert isinstance(offset, str)
    low, _ = seller.wait_event("inventory:low-stock")
    assert low == {"id": assam["id"], "name": "Assam", "stock": 5}

    confirmed = bob.patch(f"/api/orders/{order['id']}/status", {"status": "confirmed"})

    moved, moved_offset = customer.wait_event("order:status")
    expected = {"id": order["id"], "orderNumber": order["orderNumber"], "status": "confirmed"}
    assert moved == expected
    assert int(moved_offset) > int(offset)
    assert seller.wait_event("order:new", 2)[0] == confirmed
    assert confirmed["expiresAt"] is None
    assert customer.names() == ["order:placed", "order:status"]
    assert sorted(seller.names()) == ["inventory:low-stock", "order:new", "order:new"]

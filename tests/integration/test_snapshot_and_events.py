"""Snapshot + events == fresh snapshot: what a client that listens from X-Event-Offset relies on.

A list is read over HTTP, things happen, `GET /api/events?after={offset}` says what, and a reducer
applies it. Whatever is sequenced late, or twice in both, must come out as the list read anew:

- orders, seller: exactly. `order:new` is the full order, an upsert by id.
- orders, customer: exactly the orders that there are, by `order:placed`, with their `id`,
  `orderNumber` and `status`. `order:status` has no more than these: `version`, `updatedAt` and
  `expiresAt` of a moved order have to be read again.
- products: `inventory:low-stock` tells of a fall to the threshold, not of every change of the
  stock. So it is right about the product as it was at that moment, and comes for every such fall;
  between two of them the list says nothing of the stock.
- notifications: exactly `title`, `message` and `type`, as long as everything was sequenced when the
  list was read. The payload has no id: one that was not, is in the list and comes as an event.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.events import Status
from app.orders.states import NEXT
from tests.harness.application.journal import sequence_once
from tests.harness.application.shop import Client, Headers, Json, Shop


def apply(lists: Json, name: str, data: Json) -> Json:
    """The reducer: {orders, products, notifications} and an event -> the lists after it."""
    orders, products, notes = lists["orders"], lists["products"], lists["notifications"]
    if name in ("order:new", "order:placed"):
        others = [order for order in orders if order["id"] != data["id"]]
        orders = sorted([data, *others], key=lambda order: -int(order["id"]))
    elif name == "order:status":
        orders = [order | data if order["id"] == data["id"] else order for order in orders]
    elif name == "inventory:low-stock":
        products = [item | data if item["id"] == data["id"] else item for item in products]
    elif name == "notification":
        notes = [data, *notes]
    return {"orders": orders, "products": products, "notifications": notes}


def catch_up(client: Client, lists: Json, after: str) -> Json:
    """The lists with everything applied that came after the offset."""
    for event in client.events(after):
        lists = apply(lists, event["name"], event["data"])
    return lists


@pytest.fixture
def open_shop(
    app: Flask,
    make_user: Callable[..., Identity],
    bearer: Callable[[Identity], Headers],
) -> Callable[[], Shop]:
    """A builder: a shop with people of its own."""

    def new(name: str, role: Role) -> Client:
        identity = make_user(f"{name}-{uuid4().hex}", role)
        return Client(app, identity, bearer(identity))

    return lambda: Shop(app, new)


def sequence_all() -> None:
    while sequence_once(lambda message: None):
        continue


operations = st.tuples(
    st.sampled_from(["place", "move", "restock", "notify", "sequence"]),
    st.integers(0, 7),
    st.integers(0, 6),
)
some = st.lists(operations, max_size=10)
patient = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@patient
@given(before=some, after=some)
def test_the_sellers_orders_are_exactly_the_fresh_ones(
    open_shop: Callable[[], Shop], before: list[Any], after: list[Any]
) -> None:
    shop = open_shop()
    for operation in before:
        shop.do(*operation)
    lists, offset = shop.seller.snapshot()
    for operation in after:
        shop.do(*operation)
    sequence_all()
    fresh, _ = shop.seller.snapshot()
    assert catch_up(shop.seller, lists, offset)["orders"] == fresh["orders"]


def shown(orders: list[Json]) -> list[Json]:
    """What `order:status` carries, of these orders."""
    keys = ("id", "orderNumber", "status")
    return [{key: order[key] for key in keys} for order in orders]


@patient
@given(before=some, after=some)
def test_the_customers_orders_are_the_fresh_ones_with_their_status(
    open_shop: Callable[[], Shop], before: list[Any], after: list[Any]
) -> None:
    shop = open_shop()
    for operation in [("place", 0, 1), *before]:
        shop.do(*operation)
    lists, offset = shop.customer.snapshot()
    for operation in after:
        shop.do(*operation)
    sequence_all()
    fresh, _ = shop.customer.snapshot()
    caught_up = catch_up(shop.customer, lists, offset)
    assert shown(caught_up["orders"]) == shown(fresh["orders"])


@patient
@given(happened=some)
def test_every_fall_to_the_threshold_is_told_with_the_stock_of_that_moment(
    open_shop: Callable[[], Shop], happened: list[Any]
) -> None:
    shop = open_shop()
    lists, offset = shop.seller.snapshot()
    for operation in happened:
        shop.do(*operation)
    sequence_all()
    told = [e["data"] for e in shop.seller.events(offset) if e["name"] == "inventory:low-stock"]
    assert sorted(told, key=str) == sorted(shop.falls, key=str)
    caught_up = {item["id"]: item["stock"] for item in told}
    reduced = catch_up(shop.seller, lists, offset)["products"]
    assert {item["id"]: item["stock"] for item in reduced if item["id"] in caught_up} == caught_up


@patient
@given(before=some, after=some)
def test_notifications_after_a_quiet_moment_are_exactly_the_fresh_ones(
    open_shop: Callable[[], Shop], before: list[Any], after: list[Any]
) -> None:
    shop = open_shop()
    for operation in before:
        shop.do(*operation)
    sequence_all()
    snapshots = [(client, *client.snapshot()) for client in (shop.customer, shop.seller)]
    for operation in after:
        shop.do(*operation)
    sequence_all()
    for client, lists, offset in snapshots:
        fresh, _ = client.snapshot()
        assert texts(catch_up(client, lists, offset)) == texts(fresh)


def texts(lists: Json) -> list[tuple[str, ...]]:
    keys = ("title", "message", "type")
    return [tuple(note[key] for key in keys) for note in lists["notifications"]]


def test_a_notification_that_was_not_sequenced_yet_is_in_the_list_and_comes_again(
    open_shop: Callable[[], Shop],
) -> None:
    # The race: the list is read between the commit and the sequencing. Never missed; without an id
    # in the payload, a client that shows a list cannot tell, and reads it again instead.
    shop = open_shop()
    shop.do("notify", 0, 1)
    lists, offset = shop.customer.snapshot()
    sequence_all()
    fresh, _ = shop.customer.snapshot()
    assert texts(lists) == texts(fresh) == [("0", "1", "info")]
    assert texts(catch_up(shop.customer, lists, offset)) == texts(fresh) * 2


def test_an_order_that_was_not_sequenced_yet_is_in_the_list_and_comes_again_unharmed(
    open_shop: Callable[[], Shop],
) -> None:
    # The same race; here the upsert makes it harmless, also when the order has moved on since.
    shop = open_shop()
    shop.do("place", 0, 1)
    shop.do("move", 0, sorted(NEXT).index(Status.CONFIRMED))
    lists, offset = shop.seller.snapshot()
    sequence_all()
    assert len(shop.seller.events(offset)) == 2
    assert catch_up(shop.seller, lists, offset)["orders"] == lists["orders"]
    assert lists["orders"][0]["status"] == "confirmed"

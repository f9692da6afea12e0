"""X-Event-Offset: whoever reads a snapshot and then listens from its offset misses nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.db import db
from app.http.openapi import operations
from app.http.operation import OFFSET
from tests.harness.application.market import Caller, Market, error, good
from tests.harness.faults.races import right_after

SNAPSHOTS = {
    "/api/auth/me",
    "/api/events?after=0",
    "/api/notifications",
    "/api/orders",
    "/api/orders/1",
    "/api/orders/1/timeline",
    "/api/products",
}


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


@pytest.fixture
def engine(app: Flask) -> Engine:
    return db.engine


def missed(caller: Caller, offset: str) -> Any:
    """What a client that listens from the offset hears."""
    answer = good(caller.get("/api/events", after=offset))
    assert answer["complete"]
    return answer["events"]


def test_every_get_with_a_token_is_known_here(app: Flask) -> None:
    gets = {
        path
        for method, path, operation in operations(app)
        if method == "get" and operation.public is None and Role.CUSTOMER in operation.roles
    }
    assert gets == {path.partition("?")[0].replace("/1", "/{order_id}") for path in SNAPSHOTS}


@pytest.mark.parametrize("path", sorted(SNAPSHOTS))
def test_every_list_and_snapshot_says_the_position_of_the_journal(
    market: Market, path: str
) -> None:
    tea = market.product()
    market.order(tea)
    for expected in (0, 2, 4):  # an order is two events
        response = market.alice.call("GET", path)
        good(response)
        assert response.headers[OFFSET] == str(expected)
        market.sequence()
        market.order(tea)


def test_an_error_says_no_position(market: Market) -> None:
    for path in ("/api/orders/1", "/api/orders?cursor=x", "/api/events"):
        response = market.alice.call("GET", path)
        assert error(response)[0] >= 400
        assert OFFSET not in response.headers


@pytest.mark.parametrize("path", sorted(SNAPSHOTS))
def test_the_position_is_read_before_the_data(market: Market, engine: Engine, path: str) -> None:
    # The race: something is committed and sequenced between the two reads. Read the other way
    # round, the offset would be behind an event that the data does not show.
    tea = market.product()
    market.order(tea)
    before = market.sequence()

    def meanwhile() -> None:
        market.order(tea)
        market.sequence()

    with right_after(engine, "FROM ordercast_head", meanwhile):
        response = market.alice.call("GET", path)

    good(response)
    assert response.headers[OFFSET] == str(before)


@pytest.mark.parametrize("moment", ["FROM ordercast_head", "FROM orders"])
def test_the_sellers_list_and_what_came_since_make_the_list_of_today(
    market: Market, engine: Engine, moment: str
) -> None:
    # The race: an order is placed and another one moves, just before or just after the list is
    # read. `order:new` is an upsert by id, so being told twice is harmless.
    tea = market.product()
    moved = market.order(tea)
    market.sequence()

    def meanwhile() -> None:
        good(market.bob.move(moved, "confirmed"))
        market.order(tea, buyer=market.charlie)
        market.sequence()

    with right_after(engine, moment, meanwhile):
        response = market.bob.get("/api/orders")
    listed = {order["id"]: order for order in good(response)["orders"]}
    for event in missed(market.bob, response.headers[OFFSET]):
        if event["name"] == "order:new":
            listed[event["data"]["id"]] = event["data"]

    assert listed == {order["id"]: order for order in good(market.bob.get("/api/orders"))["orders"]}


@pytest.mark.parametrize("moment", ["FROM ordercast_head", "FROM orders"])
def test_the_customers_order_and_what_came_since_make_its_status_of_today(
    market: Market, engine: Engine, moment: str
) -> None:
    # The race: the order moves just before or just after it is read.
    order = market.order(market.product())
    market.sequence()

    def meanwhile() -> None:
        good(market.bob.move(order, "confirmed"))
        market.sequence()

    with right_after(engine, moment, meanwhile):
        response = market.alice.get(f"/api/orders/{order['id']}")
    status = good(response)["status"]
    for event in missed(market.alice, response.headers[OFFSET]):
        status = event["data"]["status"]

    assert status == "confirmed"


def test_what_is_committed_and_not_sequenced_comes_after_the_snapshot(market: Market) -> None:
    order = market.order(market.product())
    response = market.bob.get("/api/orders")
    assert good(response)["orders"] == [order]
    market.sequence()
    assert [event["data"] for event in missed(market.bob, response.headers[OFFSET])] == [order]

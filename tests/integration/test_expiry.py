"""Expiry: an order that stays pending too long is cancelled and gives its stock back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.accounts.tokens import Identity
from app.catalog.models import MAX_STOCK
from app.db import db, now, row_id, transaction
from app.events import Status
from app.orders import service
from app.orders.expiry import expire_once
from app.orders.models import Order
from tests.harness.application.market import Market, Written, good
from tests.harness.faults.races import at_once, right_after

MINUTES = 30.0


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


def expire(market: Market) -> bool:
    with market.app.app_context():
        return expire_once(MINUTES)


def age(market: Market, order: Any, minutes: float) -> None:
    """Let the order have been placed so long ago."""
    with market.app.app_context(), transaction() as session:
        placed = now() - timedelta(minutes=minutes)
        chosen = Order.id == row_id(order["id"])
        session.execute(update(Order).where(chosen).values(created_at=placed))


def old_order(market: Market, product: Any, quantity: int = 1) -> Any:
    order = market.order(product, quantity)
    age(market, order, MINUTES + 1)
    return order


def seen(market: Market, order: Any) -> Any:
    return good(market.alice.get(f"/api/orders/{order['id']}"))


def test_an_old_pending_order_is_cancelled_and_announced(market: Market) -> None:
    tea = market.product(stock=5)
    order = old_order(market, tea, 3)

    written = market.written_by(partial(expire, market))

    cancelled = seen(market, order)
    assert (cancelled["status"], cancelled["version"]) == ("cancelled", 2)
    assert market.stock(tea) == 5
    status = {"id": order["id"], "orderNumber": order["orderNumber"], "status": "cancelled"}
    assert written == [
        Written(f"user:{market.alice.id}", "order:status", status),
        Written(f"seller:{market.bob.id}", "order:new", cancelled),
    ]


def test_a_young_order_stays(market: Market) -> None:
    order = market.order(market.product())
    age(market, order, MINUTES - 1)
    assert market.written_by(partial(expire, market)) == []
    assert seen(market, order)["status"] == "pending"


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING}))
def test_an_order_that_has_moved_stays_however_old(market: Market, status: Status) -> None:
    order = market.order_that_is(status, market.product())
    age(market, order, 10_000)
    assert market.written_by(partial(expire, market)) == []
    assert seen(market, order)["status"] == status


def test_zero_minutes_is_off(market: Market) -> None:
    order = old_order(market, market.product())
    with market.app.app_context():
        assert expire_once(0) is False
    assert seen(market, order)["status"] == "pending"


def test_a_full_batch_asks_to_come_again(market: Market, app: Flask) -> None:
    tea = market.product(stock=100)
    orders = [old_order(market, tea) for _ in range(3)]
    with app.app_context():
        assert service.cancel_expired(timedelta(minutes=MINUTES), limit=2) == 2
        assert service.cancel_expired(timedelta(minutes=MINUTES), limit=2) == 1
        assert service.cancel_expired(timedelta(minutes=MINUTES), limit=2) == 0
    assert {seen(market, order)["status"] for order in orders} == {"cancelled"}
    assert market.stock(tea) == 100


def test_an_order_that_is_confirmed_before_it_is_cancelled_stays(market: Market) -> None:
    # The race: the order is pending when expiry looks, and confirmed when it comes to cancel it.
    tea = market.product(stock=5)
    order = old_order(market, tea)
    with market.app.app_context():
        engine = db.engine

    def confirm() -> None:
        good(market.bob.move(order, "confirmed"))

    with right_after(engine, "FROM orders", confirm):
        expire(market)

    assert seen(market, order)["status"] == "confirmed"
    assert market.stock(tea) == 4
    assert market.written()[-1].data["status"] == "confirmed"


def test_an_order_is_cancelled_only_while_it_is_pending(app: Flask, market: Market) -> None:
    order = old_order(market, market.product())
    with app.app_context():
        assert service.cancel_if_pending(int(order["id"])) is True
        assert service.cancel_if_pending(int(order["id"])) is False
        assert service.cancel_if_pending(int(order["id"]) + 1) is False


def test_two_workers_cancel_an_order_once(market: Market) -> None:
    # The race: both workers see the same pending orders.
    tea = market.product(stock=5)
    for _ in range(4):
        old_order(market, tea)

    written = market.written_by(lambda: at_once(*[partial(expire, market)] * 3))

    assert [event.name for event in written] == ["order:status", "order:new"] * 4
    assert market.stock(tea) == 5


def test_a_stock_that_was_filled_up_does_not_stop_the_orders_behind(market: Market) -> None:
    tea, pot = market.product(stock=5), market.product(name="Pot", stock=5)
    first, second = old_order(market, tea, 5), old_order(market, pot, 5)
    good(market.bob.adjust(tea, stock=MAX_STOCK))

    expire(market)

    assert [seen(market, order)["status"] for order in (first, second)] == ["cancelled"] * 2
    assert (market.stock(tea), market.stock(pot)) == (MAX_STOCK, 5)


def test_a_pending_order_says_when_it_is_cancelled_by_itself_and_no_other_does(
    market: Market,
) -> None:
    for status in Status:
        order = market.order_that_is(status, market.product())
        said = order["expiresAt"]
        assert seen(market, order)["expiresAt"] == said
        if status is Status.PENDING:
            placed = datetime.fromisoformat(order["createdAt"])
            assert datetime.fromisoformat(said) - placed == timedelta(minutes=MINUTES)
        else:
            assert said is None


def test_without_expiry_no_order_says_that_it_is_cancelled_by_itself(
    market: Market,
) -> None:
    settings = market.app.config["SETTINGS"].model_copy(update={"PENDING_MINUTES": 0})
    market.app.config["SETTINGS"] = settings
    assert market.order(market.product())["expiresAt"] is None

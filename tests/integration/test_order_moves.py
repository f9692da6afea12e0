"""PATCH /api/orders/{id}/status: every move by everyone, and what it does to stock and journal."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.catalog.models import MAX_STOCK
from app.events import Status
from app.orders.states import NEXT
from ordercast.testing import capture
from tests.harness.application.market import (
    Caller,
    Market,
    Written,
    basket,
    details,
    error,
    good,
    written_of,
)
from tests.harness.faults.races import at_once

Move = tuple[Status, Status]
MOVES: list[Move] = list(product(Status, Status))
TO_DELIVERED = ("confirmed", "processing", "shipped", "delivered")


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


def announced(market: Market, order: Any) -> list[Written]:
    """What the customer and the seller hear of an order that moved."""
    status = {name: order[name] for name in ("id", "orderNumber", "status")}
    return [
        Written(f"user:{market.alice.id}", "order:status", status),
        Written(f"seller:{market.bob.id}", "order:new", order),
    ]


def outcome(market: Market, actor: Caller, order: Any, wanted: Status) -> Any:
    """Try one move -> 200, or the error; checks that exactly what was answered has happened."""
    with capture(market.app) as sent:
        response = actor.move(order, wanted)
    written = written_of(sent)
    stored = good(market.alice.get(f"/api/orders/{order['id']}"))
    if response.status_code != 200:
        assert (stored, written) == (order, [])
        return error(response)
    assert stored == good(response)
    changed = {
        "status": wanted,
        "version": order["version"] + 1,
        "updatedAt": stored["updatedAt"],
        "expiresAt": None,
    }
    assert stored == {**order, **changed}
    assert written == announced(market, stored)
    return 200


def outcomes(market: Market, actor: Caller) -> dict[Move, Any]:
    """Of every move; an order that a refused one left as it was is there for the next."""
    tea = market.product(stock=1000)
    found = {}
    for current in Status:
        order = None
        for wanted in Status:
            order = order or market.order_that_is(current, tea)
            found[current, wanted] = outcome(market, actor, order, wanted)
            if found[current, wanted] == 200:
                order = None
    return found


@pytest.mark.parametrize("name", ["bob", "admin"])
def test_the_seller_and_an_admin_make_every_move_of_the_table_and_no_other(
    market: Market, name: str
) -> None:
    allowed = {(current, wanted) for current in Status for wanted in NEXT[current]}
    expected = {move: 200 if move in allowed else (409, "invalid_transition") for move in MOVES}
    assert outcomes(market, getattr(market, name)) == expected


def test_the_customer_may_only_cancel_while_pending(market: Market) -> None:
    allowed = (Status.PENDING, Status.CANCELLED)
    expected = {move: 200 if move == allowed else (403, "forbidden") for move in MOVES}
    assert outcomes(market, market.alice) == expected


@pytest.mark.parametrize("name", ["charlie", "dora"])
def test_a_stranger_learns_of_no_order(market: Market, name: str) -> None:
    expected = dict.fromkeys(MOVES, (404, "not_found"))
    assert outcomes(market, getattr(market, name)) == expected


def test_the_sellers_own_id_without_the_role_may_not_sell(market: Market) -> None:
    order = market.order(market.product())
    other = market.bearer(market.bob.id, Role.CUSTOMER)
    assert error(other.move(order, "confirmed")) == (403, "forbidden")


def test_a_refused_move_says_which_are_allowed(market: Market) -> None:
    order = market.order(market.product())
    refused = market.bob.move(order, "shipped")
    assert error(refused) == (409, "invalid_transition")
    assert details(refused) == {
        "current": "pending",
        "wanted": "shipped",
        "allowed": ["cancelled", "confirmed"],
    }


@pytest.mark.parametrize(
    "body", [{}, {"status": "lost"}, {"status": None}, {"status": "PENDING"}, {"version": 1}]
)
def test_a_status_that_is_none_gets_422(market: Market, body: Any) -> None:
    order = market.order(market.product())
    refused = market.bob.patch(f"/api/orders/{order['id']}/status", body)
    assert error(refused) == (422, "validation_error")


def test_a_move_of_an_older_version_gets_version_conflict(market: Market) -> None:
    order = market.order(market.product())
    confirmed = good(market.bob.move(order, "confirmed", version=1))
    assert confirmed["version"] == 2

    late = partial(market.admin.move, order, "cancelled", version=1)

    assert error(late()) == (409, "version_conflict")
    assert details(late()) == {"currentVersion": 2}
    assert market.written_by(late) == []
    assert good(market.bob.move(order, "processing", version=2))["version"] == 3


def test_the_version_is_not_told_to_those_who_may_not_move(market: Market) -> None:
    order = market.order(market.product())
    assert error(market.alice.move(order, "shipped", version=9)) == (403, "forbidden")
    assert error(market.charlie.move(order, "cancelled", version=9)) == (404, "not_found")


def test_of_two_moves_of_one_version_one_wins(market: Market) -> None:
    # The race: both read version 1 and both think it is theirs to move.
    tea = market.product(stock=1)
    order = market.order(tea)

    answers = at_once(
        partial(market.bob.move, order, "confirmed", version=1),
        partial(market.alice.move, order, "cancelled", version=1),
    )

    stored = good(market.alice.get(f"/api/orders/{order['id']}"))
    winner, loser = sorted(answers, key=lambda answer: answer.status_code)
    assert good(winner) == stored
    assert loser.status_code in (403, 409)
    assert market.stock(tea) == (stored["status"] == "cancelled")
    assert market.written()[-2:] == announced(market, stored)


def test_cancelling_at_the_same_moment_puts_the_stock_back_once(market: Market) -> None:
    # The race: two cancellations both see a pending order and both give its items back.
    tea = market.product(stock=5)
    order = market.order(tea, 5)

    answers = at_once(*[partial(market.alice.move, order, "cancelled")] * 4)

    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
    assert market.stock(tea) == 5


@pytest.mark.parametrize("way", [(), TO_DELIVERED[:1], TO_DELIVERED[:2]])
def test_cancelling_puts_stock_back(market: Market, way: tuple[str, ...]) -> None:
    tea, pot = market.product(stock=5), market.product(name="Pot", stock=5)
    order = good(market.alice.post("/api/orders", basket((tea, 2), (pot, 5))), 201)
    for status in way:
        good(market.bob.move(order, status))
    assert (market.stock(tea), market.stock(pot)) == (3, 0)

    good(market.bob.move(order, "cancelled"))

    assert (market.stock(tea), market.stock(pot)) == (5, 5)


def test_refunding_puts_stock_back_and_nothing_before_it_does(market: Market) -> None:
    tea = market.product(stock=5)
    order = market.order(tea, 2)
    for status in TO_DELIVERED:
        good(market.bob.move(order, status))
        assert market.stock(tea) == 3
    good(market.bob.move(order, "refunded"))
    assert market.stock(tea) == 5


def test_stock_that_comes_back_above_the_threshold_can_fall_to_it_again(market: Market) -> None:
    tea = market.product(stock=3, lowStockThreshold=2)
    order = market.order(tea)
    good(market.alice.move(order, "cancelled"))
    names = [event.name for event in market.written_by(partial(market.order, tea))]
    assert sorted(names) == ["inventory:low-stock", "order:new", "order:placed"]


def test_a_stock_that_was_filled_up_meanwhile_does_not_stop_a_cancellation(market: Market) -> None:
    tea = market.product(stock=5)
    order = market.order(tea, 5)
    good(market.bob.adjust(tea, stock=MAX_STOCK - 2))

    good(market.alice.move(order, "cancelled"))

    assert market.stock(tea) == MAX_STOCK

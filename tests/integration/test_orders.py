"""/api/orders: placing and reading; what each order writes to the journal."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.catalog.models import MAX_STOCK
from app.db import append, transaction
from app.http.bodies import MAX_PRICE_CENTS, MAX_QUANTITY
from app.orders.service import MAX_TOTAL_CENTS
from tests.harness.application import journal
from tests.harness.application.market import Caller, Market, Written, basket, details, error, good
from tests.harness.faults.races import at_once


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


def announced(market: Market, order: Any) -> list[Written]:
    """To the customer's other tabs and devices, and to the seller."""
    return [
        Written(f"user:{market.alice.id}", "order:placed", order),
        Written(f"seller:{market.bob.id}", "order:new", order),
    ]


def orders_of(caller: Caller, **query: Any) -> Any:
    return good(caller.get("/api/orders", **query))["orders"]


def test_an_order_has_exactly_the_keys_of_the_contract(market: Market) -> None:
    assam = market.product(name="Assam", priceCents=890)
    sencha = market.product(name="Sencha", priceCents=1250)

    order = good(market.alice.post("/api/orders", basket((sencha, 1), (assam, 2))), 201)

    created, updated = order.pop("createdAt"), order.pop("updatedAt")
    expires = datetime.fromisoformat(order.pop("expiresAt"))
    assert expires == datetime.fromisoformat(created) + timedelta(minutes=30)
    assert datetime.fromisoformat(created).utcoffset() == timedelta(0)
    assert datetime.fromisoformat(updated).utcoffset() == timedelta(0)
    assert order == {
        "id": "1",
        "orderNumber": "OC-00000001",
        "status": "pending",
        "user": {"id": market.alice.id, "name": "Alice"},
        "seller": {"id": market.bob.id, "name": "Bob"},
        "items": [
            {"productId": assam["id"], "name": "Assam", "quantity": 2, "unitPriceCents": 890},
            {"productId": sencha["id"], "name": "Sencha", "quantity": 1, "unitPriceCents": 1250},
        ],
        "totalCents": 3030,
        "currency": "EUR",
        "version": 1,
    }


def test_seller_and_customer_hear_of_exactly_the_order_that_was_answered(
    market: Market,
) -> None:
    tea = market.product()
    order = market.order(tea, 2)
    assert market.written() == announced(market, order)


def test_every_answer_shows_the_same_order(market: Market) -> None:
    assam, sencha = market.product(name="Assam"), market.product(name="Sencha")
    order = good(market.alice.post("/api/orders", basket((sencha, 1), (assam, 2))), 201)
    for party in (market.alice, market.bob, market.admin):
        assert good(party.get(f"/api/orders/{order['id']}")) == order
        assert orders_of(party) == [order]


def test_a_stranger_gets_404_and_an_empty_list(market: Market) -> None:
    order = market.order(market.product())
    for stranger in (market.charlie, market.dora):
        assert error(stranger.get(f"/api/orders/{order['id']}")) == (404, "not_found")
        assert orders_of(stranger) == []


@pytest.mark.parametrize("order_id", ["0", "2", "01", "-1", "1.0", "one", "9" * 19, "9" * 40])
def test_an_order_that_does_not_exist_gets_404(market: Market, order_id: str) -> None:
    market.order(market.product())
    for caller in (market.alice, market.admin):
        assert error(caller.get(f"/api/orders/{order_id}")) == (404, "not_found")
        assert error(caller.move({"id": order_id}, "cancelled")) == (404, "not_found")


def test_lists_hold_what_was_bought_or_sold_newest_first(market: Market) -> None:
    tea, pot = market.product(), market.product(market.dora, name="Pot")
    first = market.order(tea)
    second = market.order(pot)
    third = market.order(tea, buyer=market.charlie)

    assert orders_of(market.alice) == [second, first]
    assert orders_of(market.charlie) == [third]
    assert orders_of(market.bob) == [third, first]
    assert orders_of(market.dora) == [second]
    assert orders_of(market.admin) == [third, second, first]


def test_lists_can_be_of_one_status(market: Market) -> None:
    tea = market.product()
    kept, cancelled = market.order(tea), market.order(tea)
    cancelled = good(market.alice.move(cancelled, "cancelled"))

    assert orders_of(market.alice, status="cancelled") == [cancelled]
    assert orders_of(market.alice, status="pending") == [kept]
    assert orders_of(market.alice, status="shipped") == []
    assert error(market.alice.get("/api/orders", status="lost")) == (422, "validation_error")


def test_lists_can_be_of_several_statuses(market: Market) -> None:
    tea = market.product()
    pending, cancelled, confirmed = (market.order(tea) for _ in range(3))
    cancelled = good(market.alice.move(cancelled, "cancelled"))
    confirmed = good(market.bob.move(confirmed, "confirmed"))

    assert orders_of(market.bob, status="pending,confirmed") == [confirmed, pending]
    assert orders_of(market.bob, status="cancelled,delivered") == [cancelled]
    for bad in ("", "pending,", "pending,lost"):
        assert error(market.bob.get("/api/orders", status=bad)) == (422, "validation_error")


def test_lists_can_be_of_a_time(market: Market) -> None:
    tea = market.product()
    first, second, third = (market.order(tea) for _ in range(3))

    until = {"placedBefore": third["createdAt"]}
    assert orders_of(market.bob, **until) == [second, first]
    assert orders_of(market.bob, placedFrom=second["createdAt"], **until) == [second]
    for bad in ("yesterday", "2026-11-27T10:00:00"):  # the second: of no time zone
        assert error(market.bob.get("/api/orders", placedFrom=bad)) == (422, "validation_error")


def test_lists_are_searched_by_number_customer_and_product(market: Market) -> None:
    tea, pot = market.product(name="Assam, 100%"), market.product(name="Pot_x")
    first, second = market.order(tea), market.order(pot, buyer=market.charlie)

    for sought in ("assam", "ASSAM 100%", first["orderNumber"], first["id"], "alice oc-1"):
        assert orders_of(market.bob, q=sought) == [first], sought
    assert orders_of(market.bob, q="charlie pot") == [second]
    assert orders_of(market.bob, q="t_x") == [second]
    for sought in ("alice pot", "%%", "_s", "OC-99", "OC-x"):
        assert orders_of(market.bob, q=sought) == [], sought
    assert orders_of(market.bob, q=" ") == [second, first]
    for bad in ("x" * 101, "\0"):
        assert error(market.bob.get("/api/orders", q=bad)) == (422, "validation_error")


def test_only_customers_place_orders(market: Market) -> None:
    tea = market.product()
    for caller in (market.bob, market.admin):
        assert error(caller.post("/api/orders", basket((tea, 1)))) == (403, "forbidden")


def test_a_customer_without_an_account_here_cannot_order(market: Market) -> None:
    tea = market.product()
    for user_id in ("an-identity-service/7", "4711"):
        foreign = market.bearer(user_id, Role.CUSTOMER)
        assert error(foreign.post("/api/orders", basket((tea, 1)))) == (403, "account_required")
    assert market.stock(tea) == 10
    assert market.written() == []


def test_an_order_takes_its_items_from_stock(market: Market) -> None:
    assam, sencha = market.product(stock=5), market.product(stock=5)
    good(market.alice.post("/api/orders", basket((assam, 2), (sencha, 5))), 201)
    assert (market.stock(assam), market.stock(sencha)) == (3, 0)


def test_two_lines_of_one_product_add_up(market: Market) -> None:
    tea = market.product(stock=5)

    order = good(market.alice.post("/api/orders", basket((tea, 2), (tea, 3))), 201)

    assert [line["quantity"] for line in order["items"]] == [5]
    assert market.stock(tea) == 0


def test_two_lines_of_one_product_cannot_sell_more_than_there_is(market: Market) -> None:
    tea = market.product(stock=5)
    refused = market.alice.post("/api/orders", basket((tea, 3), (tea, 3)))
    assert error(refused) == (409, "out_of_stock")
    assert details(refused)["items"][0]["requested"] == 6


def test_out_of_stock_names_every_product_that_falls_short(market: Market) -> None:
    enough = market.product(name="Enough", stock=5)
    few = market.product(name="Few", stock=2)
    none = market.product(name="None", stock=0)

    refused = market.alice.post("/api/orders", basket((enough, 5), (few, 3), (none, 1)))

    assert error(refused) == (409, "out_of_stock")
    assert details(refused) == {
        "items": [
            {"productId": few["id"], "name": "Few", "requested": 3, "available": 2},
            {"productId": none["id"], "name": "None", "requested": 1, "available": 0},
        ]
    }


def test_several_sellers_get_422(market: Market) -> None:
    tea, pot = market.product(), market.product(market.dora)
    refused = market.alice.post("/api/orders", basket((tea, 1), (pot, 1)))
    assert error(refused) == (422, "several_sellers")


def test_several_currencies_get_422(market: Market) -> None:
    euros, dollars = market.product(), market.product(currency="USD")
    refused = market.alice.post("/api/orders", basket((euros, 1), (dollars, 1)))
    assert error(refused) == (422, "several_currencies")


def test_unknown_products_get_422_with_which(market: Market) -> None:
    tea = market.product()
    unknown = ["2", "01", "tea", "-1", "9" * 19, "9" * 30, "\u0661"]
    lines = [(tea, 1), *(({"id": product_id}, 1) for product_id in unknown)]

    refused = market.alice.post("/api/orders", basket(*lines))

    assert error(refused) == (422, "unknown_product")
    assert details(refused) == {"productIds": unknown}


def test_a_total_that_javascript_cannot_hold_gets_422(market: Market) -> None:
    dear = market.product(priceCents=MAX_PRICE_CENTS, stock=MAX_STOCK)
    lines, rest = divmod(MAX_TOTAL_CENTS // MAX_PRICE_CENTS, MAX_QUANTITY)
    most = [*[(dear, MAX_QUANTITY)] * lines, (dear, rest)]

    assert error(market.alice.post("/api/orders", basket(*most, (dear, 1)))) == (
        422,
        "order_too_large",
    )
    assert market.stock(dear) == MAX_STOCK
    order = good(market.alice.post("/api/orders", basket(*most)), 201)
    assert MAX_TOTAL_CENTS - MAX_PRICE_CENTS < order["totalCents"] <= MAX_TOTAL_CENTS


def test_an_order_that_is_refused_leaves_no_trace(market: Market) -> None:
    # The first line alone would cross its threshold and be announced.
    tea, pot = market.product(stock=3), market.product(name="Pot", stock=0)

    refused = partial(market.alice.post, "/api/orders", basket((tea, 2), (pot, 1)))

    assert market.written_by(refused) == []
    assert market.stock(tea) == 3
    assert orders_of(market.alice) == []


def test_an_order_keeps_the_name_and_price_of_its_day(market: Market) -> None:
    tea = market.product(name="Tea", priceCents=250)
    order = market.order(tea)
    good(market.bob.patch(f"/api/products/{tea['id']}", {"name": "Chai", "priceCents": 999}))
    assert good(market.alice.get(f"/api/orders/{order['id']}")) == order


def test_the_last_one_is_sold_once(market: Market) -> None:
    # The race: several orders see the same stock and each takes it.
    tea = market.product(stock=3)
    place = partial(market.alice.post, "/api/orders", basket((tea, 1)))

    answers = at_once(*[place] * 8)

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert market.stock(tea) == 0
    assert len(orders_of(market.alice)) == 3


def test_orders_of_the_same_products_in_another_sequence_do_not_deadlock(market: Market) -> None:
    # The race: each holds the row that the other one needs next.
    tea, pot = market.product(stock=20), market.product(name="Pot", stock=20)
    there = partial(market.alice.post, "/api/orders", basket((tea, 1), (pot, 1)))
    back = partial(market.charlie.post, "/api/orders", basket((pot, 1), (tea, 1)))

    answers = at_once(*[there, back] * 5)

    assert {answer.status_code for answer in answers} == {201}
    assert (market.stock(tea), market.stock(pot)) == (10, 10)


def test_a_transaction_that_rolls_back_appends_nothing(app: Flask, market: Market) -> None:
    def fail() -> None:
        with app.app_context(), transaction() as session:
            journal.append("user:1", "notification", {})
            session.flush()
            raise LookupError

    def check() -> None:
        with pytest.raises(LookupError):
            fail()

    assert market.written_by(check) == []


def test_nothing_is_appended_outside_of_a_transaction(app: Flask, market: Market) -> None:
    with app.app_context(), pytest.raises(RuntimeError, match="outside of transaction"):
        append("user:1", "notification", {})
    assert market.written() == []

"""Lists are paged by cursor: every row once, whatever is added meanwhile."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from flask import Flask

from app.accounts.tokens import Identity
from app.catalog.models import Product
from app.db import transaction
from app.http.paging import DEFAULT_LIMIT, MAX_PAGE_ROWS
from tests.harness.application.market import Caller, Market, basket, error, good


class List(NamedTuple):
    """A list, who reads it, and how a row is added to it."""

    name: str
    reader: str
    add: Callable[[Market], Any]

    def page(self, market: Market, **query: Any) -> tuple[list[Any], str | None]:
        reader: Caller = getattr(market, self.reader)
        answer = good(reader.get(f"/api/{self.name}", **query))
        assert set(answer) == {self.name, "nextCursor"}
        return answer[self.name], answer["nextCursor"]


def add_order(market: Market) -> Any:
    return good(market.alice.post("/api/orders", basket(({"id": "1"}, 1))), 201)


def add_notification(market: Market) -> Any:
    body = {"userId": market.alice.id, "title": "Hello", "message": "Hello", "type": "info"}
    return good(market.admin.post("/api/notifications", body), 201)


LISTS = [
    List("products", "bob", Market.product),
    List("orders", "alice", add_order),
    List("notifications", "alice", add_notification),
]
each_list = pytest.mark.parametrize("listed", LISTS, ids=lambda one: one.name)


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


@pytest.fixture
def tea(market: Market) -> Any:
    """What is ordered: its id is 1."""
    return market.product(stock=1000)


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@each_list
def test_pages_hold_every_row_once_while_rows_are_added(
    market: Market, tea: Any, listed: List
) -> None:
    rows = [listed.add(market) for _ in range(7)][::-1]
    query: dict[str, Any] = {"limit": 2}
    if listed.name == "products":
        rows.append(tea)
    seen: list[Any] = []
    while True:
        page, cursor = listed.page(market, **query)
        assert len(page) <= 2
        seen += page
        if cursor is None:
            break
        query["cursor"] = cursor
        listed.add(market)
    assert seen == rows


@each_list
def test_a_page_that_ends_with_the_last_row_is_the_last(
    market: Market, tea: Any, listed: List
) -> None:
    for _ in range(3):
        listed.add(market)
    count = len(listed.page(market)[0])
    assert listed.page(market, limit=count)[1] is None
    rows, cursor = listed.page(market, limit=count - 1)
    assert len(rows) == count - 1
    last, end = listed.page(market, limit=count - 1, cursor=cursor)
    assert (len(last), end) == (1, None)


@each_list
def test_an_empty_list_has_no_next_page(market: Market, listed: List) -> None:
    assert listed.page(market) == ([], None)


@each_list
@pytest.mark.parametrize("limit", ["0", "-1", "101", "1.5", "many", "", "9" * 30])
def test_a_limit_that_is_none_gets_422(market: Market, listed: List, limit: str) -> None:
    refused = getattr(market, listed.reader).get(f"/api/{listed.name}", limit=limit)
    assert error(refused) == (422, "validation_error")


@each_list
@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "1",
        "!",
        "====",
        "one",
        "caf\u00e9",
        "\0",
        "x" * 5000,
        encoded("0"),
        encoded("-1"),
        encoded("01"),
        encoded("1\n"),
        encoded("\u0661"),
        encoded("9" * 19),
        encoded("9" * 4000),
    ],
)
def test_a_cursor_that_no_list_gave_out_gets_400(market: Market, listed: List, cursor: str) -> None:
    refused = getattr(market, listed.reader).get(f"/api/{listed.name}", cursor=cursor)
    assert error(refused) == (400, "invalid_cursor")


def test_the_default_and_the_largest_page(app: Flask, market: Market) -> None:
    with app.app_context(), transaction() as session:
        for number in range(MAX_PAGE_ROWS + 1):
            session.add(
                Product(
                    seller_id=int(market.bob.id),
                    name=f"No. {number}",
                    price_cents=1,
                    currency="EUR",
                    stock=1,
                    low_stock_threshold=0,
                )
            )
    products = LISTS[0]
    assert len(products.page(market)[0]) == DEFAULT_LIMIT
    rows, cursor = products.page(market, limit=MAX_PAGE_ROWS)
    assert len(rows) == MAX_PAGE_ROWS
    assert len(products.page(market, limit=MAX_PAGE_ROWS, cursor=cursor)[0]) == 1


def test_a_filter_goes_on_behind_a_cursor(market: Market, tea: Any) -> None:
    kept: list[str] = []
    for number in range(6):
        order = market.order(tea)
        if number % 2:
            good(market.alice.move(order, "cancelled"))
        else:
            kept.insert(0, order)
    first = good(market.alice.get("/api/orders", status="pending", limit=2))
    query = {"status": "pending", "cursor": first["nextCursor"]}
    assert first["orders"] + good(market.alice.get("/api/orders", **query))["orders"] == kept


def test_a_cursor_does_not_show_somebody_elses_rows(market: Market, tea: Any) -> None:
    for _ in range(2):
        market.order(tea)
    cursor = good(market.alice.get("/api/orders", limit=1))["nextCursor"]
    assert good(market.charlie.get("/api/orders", cursor=cursor))["orders"] == []

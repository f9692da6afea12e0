"""/api/products: read by every user, written by the owning seller; stock and its alert."""

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.catalog.models import MAX_STOCK, Product
from app.catalog.pictures import MAX_PICTURE_BYTES
from app.db import transaction
from tests.harness.application.market import (
    Caller,
    Market,
    Written,
    basket,
    details,
    error,
    good,
    moment,
)
from tests.harness.faults.races import at_once

KEYS = {
    "id",
    "name",
    "priceCents",
    "currency",
    "stock",
    "lowStockThreshold",
    "hidden",
    "pictureUrl",
    "seller",
    "createdAt",
    "updatedAt",
}
PICTURES = {  # beginnings of files
    "image/png": b"\x89PNG\r\n\x1a\n and more",
    "image/jpeg": b"\xff\xd8\xff\xe0 and more",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 and more",
}


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


def low_stock(seller: Caller, product: Any, stock: int) -> Written:
    payload = {"id": product["id"], "name": product["name"], "stock": stock}
    return Written(f"seller:{seller.id}", "inventory:low-stock", payload)


def test_a_seller_offers_a_product_and_every_user_reads_it(market: Market) -> None:
    bob = market.bob
    body = {"name": "Assam", "priceCents": 890, "stock": 6, "lowStockThreshold": 5}

    product = good(bob.post("/api/products", {**body, "currency": "USD"}), 201)

    assert set(product) == KEYS
    assert product["seller"] == {"id": bob.id, "name": "Bob"}
    assert {name: product[name] for name in body} == body
    assert product["currency"] == "USD"
    for reader in (bob, market.alice, market.dora, market.admin):
        assert good(reader.get("/api/products")) == {"products": [product], "nextCursor": None}


def test_currency_stock_and_threshold_have_defaults(market: Market) -> None:
    product = good(market.bob.post("/api/products", {"name": "Tea", "priceCents": 0}), 201)
    assert (product["currency"], product["stock"], product["lowStockThreshold"]) == ("EUR", 0, 5)


def test_the_list_is_newest_first_and_can_be_of_one_seller(market: Market) -> None:
    tea = market.product(name="Tea")
    pot = market.product(market.dora, name="Pot")
    cup = market.product(name="Cup")

    listed = good(market.alice.get("/api/products"))["products"]
    of_bob = good(market.alice.get("/api/products", sellerId=market.bob.id))["products"]
    of_nobody = good(market.alice.get("/api/products", sellerId="nobody"))["products"]

    assert listed == [cup, pot, tea]
    assert of_bob == [cup, tea]
    assert of_nobody == []


def test_the_wrong_role_gets_403(market: Market) -> None:
    tea = market.product()
    for caller in (market.alice, market.admin):
        for response in (
            caller.post("/api/products", {"name": "Tea", "priceCents": 1}),
            caller.patch(f"/api/products/{tea['id']}", {"name": "Mine"}),
            caller.adjust(tea, delta=1),
        ):
            assert error(response) == (403, "forbidden")
    assert good(market.bob.get("/api/products"))["products"] == [tea]


def test_the_list_can_be_of_some_products(market: Market) -> None:
    first, second, hidden = (market.product(name=name) for name in ("A", "B", "C"))
    good(market.bob.patch(f"/api/products/{hidden['id']}", {"hidden": True}))
    ids = ",".join([hidden["id"], first["id"], "none", str(2**63), "", first["id"]])
    assert good(market.alice.get("/api/products", ids=ids))["products"] == [first]
    assert good(market.alice.get("/api/products", ids=""))["products"] == []
    both = f"{first['id']},{second['id']}"
    assert good(market.alice.get("/api/products", ids=both))["products"] == [second, first]
    assert good(market.alice.get("/api/products", ids=both, sellerId="7"))["products"] == []
    too_many = ",".join(["1"] * 101)
    assert error(market.alice.get("/api/products", ids=too_many)) == (422, "validation_error")


def test_another_seller_gets_404(market: Market) -> None:
    tea = market.product()
    assert error(market.dora.adjust(tea, stock=0)) == (404, "not_found")
    stolen = market.dora.patch(f"/api/products/{tea['id']}", {"priceCents": 1})
    assert error(stolen) == (404, "not_found")
    assert good(market.bob.get("/api/products"))["products"] == [tea]


def test_a_seller_without_an_account_here_cannot_offer(market: Market) -> None:
    foreign = market.bearer("an-identity-service/7", Role.SELLER)
    refused = foreign.post("/api/products", {"name": "Tea", "priceCents": 1})
    assert error(refused) == (403, "account_required")


@pytest.mark.parametrize("path", ["0", "01", "999", "-1", "1.0", "tea"])
def test_a_product_that_does_not_exist_gets_404(market: Market, path: str) -> None:
    market.product()
    assert error(market.bob.adjust({"id": path}, delta=1)) == (404, "not_found")
    assert error(market.bob.patch(f"/api/products/{path}", {"name": "X"})) == (404, "not_found")


@pytest.mark.parametrize("change", [{"name": "Chai"}, {"priceCents": 1}, {"lowStockThreshold": 0}])
def test_what_a_seller_changes_is_changed_and_nothing_else(
    market: Market, change: dict[str, Any]
) -> None:
    tea = market.product()
    changed = good(market.bob.patch(f"/api/products/{tea['id']}", change))
    assert changed == {**tea, **change, "updatedAt": changed["updatedAt"]}
    assert moment(changed["updatedAt"]) >= moment(tea["updatedAt"])
    assert good(market.alice.get("/api/products"))["products"] == [changed]


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": " "}, {"stock": 1}, {"currency": 1}])
def test_a_change_of_nothing_or_of_something_fixed_gets_422(
    market: Market, body: dict[str, Any]
) -> None:
    tea = market.product()
    refused = market.bob.patch(f"/api/products/{tea['id']}", body)
    assert error(refused) == (422, "validation_error")


def test_stock_changes_by_a_delta_or_is_set(market: Market) -> None:
    tea = market.product(stock=10)
    assert good(market.bob.adjust(tea, delta=5))["stock"] == 15
    assert good(market.bob.adjust(tea, delta=-15))["stock"] == 0
    assert good(market.bob.adjust(tea, stock=7))["stock"] == 7
    assert market.stock(tea) == 7


@pytest.mark.parametrize("body", [{}, {"delta": 1, "stock": 1}, {"delta": None}, {"stock": -1}])
def test_stock_takes_either_a_delta_or_a_number(market: Market, body: dict[str, Any]) -> None:
    tea = market.product()
    assert error(market.bob.adjust(tea, **body)) == (422, "validation_error")


def test_stock_never_falls_below_zero_by_an_adjustment(market: Market) -> None:
    tea = market.product(name="Tea", stock=3)

    refused = market.bob.adjust(tea, delta=-4)

    assert error(refused) == (409, "out_of_stock")
    short = {"productId": tea["id"], "name": "Tea", "requested": 4, "available": 3}
    assert details(refused) == {"items": [short]}
    assert market.stock(tea) == 3


def test_stock_has_a_ceiling(market: Market) -> None:
    tea = market.product(stock=MAX_STOCK)
    assert error(market.bob.adjust(tea, delta=1)) == (409, "stock_too_large")
    assert market.stock(tea) == MAX_STOCK


def test_the_database_itself_refuses_stock_below_zero(app: Flask, market: Market) -> None:
    tea = market.product()
    below = update(Product).where(Product.id == int(tea["id"])).values(stock=-1)
    refused = pytest.raises(IntegrityError, match="stock_not_negative")
    with app.app_context(), refused, transaction() as session:
        session.execute(below)
    assert market.stock(tea) == 10


def test_adjustments_at_the_same_moment_all_count(market: Market) -> None:
    # The race: two requests read the same stock and the later one overwrites the earlier.
    tea = market.product(stock=12)  # enough for all that take some to come first
    deltas = (1, -2, 3, -4, 5, -6)
    answers = at_once(*[partial(market.bob.adjust, tea, delta=delta) for delta in deltas])
    assert [answer.status_code for answer in answers] == [200] * len(deltas)
    assert market.stock(tea) == 9


def test_an_adjustment_that_crosses_the_threshold_alerts_once(market: Market) -> None:
    tea = market.product(stock=5, lowStockThreshold=2)
    steps: list[tuple[dict[str, Any], int | None]] = [
        ({"delta": -2}, None),  # 3: still above
        ({"delta": -1}, 2),  # to it
        ({"delta": -1}, None),  # 1: already below
        ({"delta": 1}, None),  # 2: not above again
        ({"stock": 0}, None),
        ({"stock": 3}, None),  # restocked
        ({"stock": 1}, 1),  # again, past it
    ]
    for body, alert in steps:
        written = market.written_by(partial(market.bob.adjust, tea, **body))
        assert written == ([] if alert is None else [low_stock(market.bob, tea, alert)]), body


def test_a_sale_that_crosses_the_threshold_alerts_once(market: Market) -> None:
    tea = market.product(stock=4, lowStockThreshold=2)
    alerts = []
    for _ in range(4):
        written = market.written_by(partial(market.order, tea))
        alerts.append([event for event in written if event.name == "inventory:low-stock"])
    assert alerts == [[], [low_stock(market.bob, tea, 2)], [], []]


def test_a_sale_alerts_again_after_a_restock(market: Market) -> None:
    tea = market.product(stock=3, lowStockThreshold=2)
    for stock in (2, 0):
        event = low_stock(market.bob, tea, stock)
        assert event in market.written_by(partial(market.order, tea, 3 - stock))
        assert market.written_by(partial(market.bob.adjust, tea, stock=3)) == []


def test_sales_at_the_same_moment_alert_once(market: Market) -> None:
    # The race: two sales both see the stock above the threshold and both announce the crossing.
    tea = market.product(stock=6, lowStockThreshold=3)
    written = market.written_by(
        lambda: at_once(*[partial(market.order, tea) for _ in range(6)]),
    )
    alerts = [event for event in written if event.name == "inventory:low-stock"]
    assert alerts == [low_stock(market.bob, tea, 3)]
    assert market.stock(tea) == 0


def test_moving_the_threshold_is_no_crossing(market: Market) -> None:
    tea = market.product(stock=5, lowStockThreshold=2)
    raised = partial(market.bob.patch, f"/api/products/{tea['id']}", {"lowStockThreshold": 8})
    assert market.written_by(raised) == []
    assert market.written_by(partial(market.bob.adjust, tea, delta=-1)) == []


def test_offering_and_changing_announce_nothing(market: Market) -> None:
    tea = market.product(stock=1, lowStockThreshold=5)
    market.bob.patch(f"/api/products/{tea['id']}", {"name": "Chai"})
    assert market.written() == []


def test_a_hidden_product_is_seen_by_its_seller_and_admins_and_sold_to_nobody(
    market: Market,
) -> None:
    tea = market.product()
    order = market.order(tea)
    hidden = good(market.bob.patch(f"/api/products/{tea['id']}", {"hidden": True}))
    assert hidden["hidden"] is True

    def seen_by(caller: Caller) -> list[Any]:
        return list(good(caller.get("/api/products", sellerId=market.bob.id))["products"])

    assert seen_by(market.bob) == seen_by(market.admin) == [hidden]
    assert seen_by(market.alice) == seen_by(market.dora) == []
    refused = market.alice.post("/api/orders", basket((tea, 1)))
    assert error(refused) == (422, "unknown_product")
    # An order of before goes on, and returns what it took.
    good(market.bob.move(order, "cancelled"))
    assert seen_by(market.bob)[0]["stock"] == tea["stock"]
    good(market.bob.patch(f"/api/products/{tea['id']}", {"hidden": False}))
    assert market.order(tea)["items"][0]["productId"] == tea["id"]


def test_a_product_can_have_a_picture_that_everybody_sees(market: Market) -> None:
    tea = market.product()
    path = f"/api/products/{tea['id']}"
    assert tea["pictureUrl"] is None
    assert error(market.alice.get(f"{path}/picture")) == (404, "not_found")

    urls = set()
    for content_type, data in PICTURES.items():
        changed = good(market.bob.patch(path, {"picture": b64encode(data).decode()}))
        urls.add(changed["pictureUrl"])
        with market.app.app_context():
            answer = market.app.test_client().get(changed["pictureUrl"])  # without a token
        assert (answer.status_code, answer.mimetype, answer.data) == (200, content_type, data)
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert len(urls) == len(PICTURES)  # cached for ever: another picture has another URL
    assert good(market.bob.patch(path, {"name": "Keemun"}))["pictureUrl"] in urls

    assert good(market.bob.patch(path, {"picture": None}))["pictureUrl"] is None
    assert error(market.alice.get(f"{path}/picture")) == (404, "not_found")


def test_what_is_no_small_picture_is_refused(market: Market) -> None:
    path = f"/api/products/{market.product()['id']}"
    too_large = PICTURES["image/png"] + bytes(MAX_PICTURE_BYTES)
    for data in (b"", b"<svg onload=alert(1)>", b"RIFF0000WAVE", b"GIF89a", too_large):
        answer = market.bob.patch(path, {"picture": b64encode(data).decode()})
        assert error(answer) == (422, "validation_error"), data[:20]
    assert error(market.bob.patch(path, {"picture": "*"})) == (422, "validation_error")

"""The four emitters, over a `send` that appends to a list."""

from collections import UserDict
from collections.abc import Callable
from types import MappingProxyType, SimpleNamespace
from typing import Any

import orjson
import pytest

from app.emitters import Announcing, Emitters, InvalidEvent
from app.events import Order, OrderNew

Sent = list[tuple[str, str, dict[str, Any]]]

ORDER = {
    "id": 3,
    "orderNumber": "OC-00000003",
    "status": "confirmed",
    "user": {"id": 1, "name": "Alice", "email": "alice@example.com"},
    "seller": {"id": 2, "name": "Bob"},
    "items": [{"productId": 4, "name": "Tea", "quantity": 2, "unitPriceCents": 250, "sku": "T"}],
    "totalCents": 500,
    "currency": "EUR",
    "version": 1,
    "createdAt": "2026-01-02T03:04:05Z",
    "updatedAt": "2026-01-02T03:04:05Z",
    "expiresAt": "2026-01-02T03:34:05Z",
    "paymentReference": "secret",
}
PRODUCT = {"id": 4, "name": "Tea", "stock": 1}


@pytest.fixture
def sent() -> Sent:
    return []


@pytest.fixture
def emitters(sent: Sent) -> Emitters:
    return Emitters(lambda *event: sent.append(event))


def test_order_status_update_goes_to_the_customer_with_exactly_three_keys(
    emitters: Emitters, sent: Sent
) -> None:
    emitters.order_status_update("1", ORDER)
    payload = {"id": "3", "orderNumber": "OC-00000003", "status": "confirmed"}
    assert sent == [("user:1", "order:status", payload)]


def test_an_order_goes_to_seller_and_customer_with_the_full_order_and_nothing_else(
    emitters: Emitters, sent: Sent
) -> None:
    emitters.new_order_for_seller("2", ORDER)
    emitters.order_placed("1", ORDER)
    payload = {
        "id": "3",
        "orderNumber": "OC-00000003",
        "status": "confirmed",
        "user": {"id": "1", "name": "Alice"},
        "seller": {"id": "2", "name": "Bob"},
        "items": [{"productId": "4", "name": "Tea", "quantity": 2, "unitPriceCents": 250}],
        "totalCents": 500,
        "currency": "EUR",
        "version": 1,
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": "2026-01-02T03:04:05Z",
        "expiresAt": "2026-01-02T03:34:05Z",
    }
    assert sent == [("seller:2", "order:new", payload), ("user:1", "order:placed", payload)]


def test_low_stock_alert_goes_to_the_seller_with_exactly_three_keys(
    emitters: Emitters, sent: Sent
) -> None:
    emitters.low_stock_alert("2", {**PRODUCT, "priceCents": 250})
    assert sent == [("seller:2", "inventory:low-stock", {"id": "4", "name": "Tea", "stock": 1})]


def test_send_notification_goes_to_the_user_with_exactly_three_keys(
    emitters: Emitters, sent: Sent
) -> None:
    payload = {"title": "Hello", "message": "World", "type": "info"}
    emitters.send_notification("1", {**payload, "id": 9})
    assert sent == [("user:1", "notification", payload)]


def test_a_number_may_be_the_receivers_id(emitters: Emitters, sent: Sent) -> None:
    emitters.low_stock_alert(2, PRODUCT)
    emitters.order_status_update(1, ORDER)
    assert [room for room, _, _ in sent] == ["seller:2", "user:1"]


@pytest.mark.parametrize(
    "shape", [dict, MappingProxyType, UserDict, lambda d: SimpleNamespace(**d)]
)
def test_a_payload_may_be_any_mapping_or_an_object(
    emitters: Emitters, sent: Sent, shape: Callable[[dict[str, Any]], object]
) -> None:
    emitters.low_stock_alert("2", shape({**PRODUCT, "extra": 1}))
    assert sent == [("seller:2", "inventory:low-stock", {"id": "4", "name": "Tea", "stock": 1})]


def test_an_object_has_its_attributes_in_snake_case(emitters: Emitters, sent: Sent) -> None:
    emitters.order_status_update("1", SimpleNamespace(id=3, order_number="OC-3", status="shipped"))
    assert sent[0][2] == {"id": "3", "orderNumber": "OC-3", "status": "shipped"}


def test_the_payload_given_is_not_changed(emitters: Emitters) -> None:
    given = {**ORDER, "user": {**ORDER["user"]}}  # type: ignore[dict-item]
    emitters.new_order_for_seller("2", given)
    assert given == ORDER


def test_a_wrong_payload_is_refused_with_a_code_and_each_wrong_key(
    emitters: Emitters, sent: Sent
) -> None:
    wrong = {**ORDER, "status": "lost", "items": [{"productId": 4, "name": "Tea"}]}
    with pytest.raises(InvalidEvent) as caught:
        emitters.new_order_for_seller("2", wrong)
    assert caught.value.code == "invalid_event"
    assert [detail["path"] for detail in caught.value.details] == [
        "status",
        "items.0.quantity",
        "items.0.unitPriceCents",
    ]
    assert all(detail["message"] for detail in caught.value.details)
    assert str(caught.value).startswith("order:new: status: ")
    assert "items.0.quantity: Field required" in str(caught.value)
    assert sent == []


@pytest.mark.parametrize("payload", [None, "text", 5, [], [PRODUCT], b"bytes", True])
def test_what_has_no_keys_at_all_is_refused(
    emitters: Emitters, sent: Sent, payload: object
) -> None:
    with pytest.raises(InvalidEvent, match=r"^inventory:low-stock: payload: "):
        emitters.low_stock_alert("2", payload)
    assert sent == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", None),
        ("id", True),
        ("id", {}),
        ("name", ["Tea"]),
        ("stock", -1),
        ("stock", 1.5),
        ("stock", "a few"),
        ("stock", None),
        ("stock", float("nan")),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(
    emitters: Emitters, sent: Sent, key: str, value: object
) -> None:
    with pytest.raises(InvalidEvent) as caught:
        emitters.low_stock_alert("2", {**PRODUCT, key: value})
    assert [detail["path"] for detail in caught.value.details] == [key]
    assert sent == []


def test_what_send_raises_is_the_callers() -> None:
    def unavailable(*_event: object) -> None:
        raise ConnectionError("unavailable")

    with pytest.raises(ConnectionError, match="unavailable"):
        Emitters(unavailable).low_stock_alert("2", PRODUCT)


def test_an_event_that_is_announced_is_the_one_that_is_sent(emitters: Emitters, sent: Sent) -> None:
    """Also of an order that has been validated once, and is not validated again."""
    announced: Sent = []
    announcing = Announcing(lambda room, event: announced.append((room, event.event, event.wire())))
    for each, order in ((emitters, ORDER), (announcing, Order.model_validate(ORDER))):
        each.order_placed("1", order)
        each.new_order_for_seller("2", order)
        each.order_status_update("1", order)
        each.low_stock_alert("2", PRODUCT)
    assert announced == sent


def test_the_text_of_an_event_is_its_payload() -> None:
    event = OrderNew.of(ORDER)
    assert orjson.loads(event.text().text) == event.wire()

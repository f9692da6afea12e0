"""The declared events: names, rooms and the exact keys of each payload."""

from datetime import datetime, timedelta, timezone
from typing import get_args

import orjson
import pytest
from pydantic import ValidationError

from app.accounts.models import RevocationKind
from app.events import (
    CONTROL_ROOM,
    EVENTS,
    RESERVED,
    Event,
    LowStock,
    Notification,
    OrderNew,
    OrderStatus,
    Revoked,
    Status,
    encode,
)
from ordercast.transport import protocol

CONTRACT = [
    (OrderStatus, "order:status", "user:7", {"id", "orderNumber", "status"}),
    (
        OrderNew,
        "order:new",
        "seller:7",
        {
            "id",
            "orderNumber",
            "status",
            "user",
            "seller",
            "items",
            "totalCents",
            "currency",
            "version",
            "createdAt",
            "updatedAt",
        },
    ),
    (LowStock, "inventory:low-stock", "seller:7", {"id", "name", "stock"}),
    (Notification, "notification", "user:7", {"title", "message", "type"}),
]
ORDER = {
    "id": "3",
    "orderNumber": "OC-00000003",
    "status": "pending",
    "user": {"id": "1", "name": "Alice"},
    "seller": {"id": "2", "name": "Bob"},
    "items": [{"productId": "4", "name": "Tea", "quantity": 2, "unitPriceCents": 250}],
    "totalCents": 500,
    "currency": "EUR",
    "version": 1,
    "createdAt": "2026-01-02T03:04:05Z",
    "updatedAt": "2026-01-02T03:04:05Z",
}


@pytest.mark.parametrize(("event", "name", "room", "keys"), CONTRACT)
def test_an_event_has_the_name_room_and_keys_of_the_contract(
    event: type[Event], name: str, room: str, keys: set[str]
) -> None:
    assert event.event == name
    assert event.room("7") == event.room(7) == room
    assert event.model_json_schema(by_alias=True)["properties"].keys() == keys


def test_every_declared_event_is_in_the_contract() -> None:
    assert list(EVENTS) == [event for event, *_ in CONTRACT]
    assert set(EVENTS) == {kind for kind in all_kinds(Event) if kind.__module__ == Event.__module__}


def all_kinds(kind: type[Event]) -> set[type[Event]]:
    below = kind.__subclasses__()
    return set(below).union(*map(all_kinds, below))


def test_no_clients_room_is_the_control_room() -> None:
    assert not any(CONTROL_ROOM.startswith(f"{event.audience}:") for event in EVENTS)


def test_the_statuses_are_those_of_the_contract() -> None:
    assert [status.value for status in Status] == [
        "pending",
        "confirmed",
        "processing",
        "shipped",
        "delivered",
        "cancelled",
        "refunded",
    ]


def test_a_full_order_comes_back_as_it_was_given() -> None:
    assert OrderNew.model_validate(ORDER).wire() == ORDER


def test_a_payload_may_also_be_given_in_snake_case() -> None:
    given = {"id": "3", "order_number": "OC-00000003", "status": Status.SHIPPED}
    assert OrderStatus.model_validate(given).wire() == {
        "id": "3",
        "orderNumber": "OC-00000003",
        "status": "shipped",
    }


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-02T05:04:05+02:00",
        datetime(2026, 1, 1, 22, 4, 5, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_a_time_of_any_zone_is_sent_in_utc(moment: str | datetime) -> None:
    wire = OrderNew.model_validate({**ORDER, "createdAt": moment}).wire()
    assert wire["createdAt"] == "2026-01-02T03:04:05Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        OrderNew.model_validate({**ORDER, "createdAt": "2026-01-02T03:04:05"})


def test_a_stock_below_zero_is_refused() -> None:
    with pytest.raises(ValidationError, match="stock"):
        LowStock.model_validate({"id": "1", "name": "Tea", "stock": -1})


def test_a_declared_event_cannot_be_changed_after_it_was_made() -> None:
    made = Notification(title="Hello", message="World", type="info")
    with pytest.raises(ValidationError, match="frozen"):
        made.title = "Goodbye"  # type: ignore[misc]


def test_the_journals_text_is_the_payload_as_json() -> None:
    text = encode({"title": "Zażółć \u2028 😀", "message": 'a "quote"', "type": "info\n"})
    assert "\n" not in text
    assert orjson.loads(text) == {
        "title": "Zażółć \u2028 😀",
        "message": 'a "quote"',
        "type": "info\n",
    }


def test_the_names_that_end_a_connection_are_the_transports() -> None:
    assert RESERVED == protocol.RESERVED


def test_a_revocation_may_hit_all_that_there_is() -> None:
    """A user's connections have a control event of their own, `disconnect`."""
    told = {*get_args(Revoked.model_fields["kind"].annotation)}
    assert told == {*RevocationKind} - {RevocationKind.CONNECTIONS}

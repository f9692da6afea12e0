"""The declared events: names, rooms and the exact keys of each payload."""

from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from app.events import EVENTS, LowStock, Notification, OrderNew, OrderPlaced, OrderStatus, Status
from ordercast.errors import InvalidEvent, Refused
from ordercast.events import CONTROL_ROOM, RESERVED, Event, Events, Revoked
from ordercast.transport import protocol

ORDER_KEYS = {
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
    "expiresAt",
}
CONTRACT = [
    (OrderStatus, "order:status", "user:7", {"id", "orderNumber", "status"}),
    (OrderPlaced, "order:placed", "user:7", ORDER_KEYS),
    (OrderNew, "order:new", "seller:7", ORDER_KEYS),
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
    "expiresAt": "2026-01-02T03:34:05Z",
}


@pytest.mark.parametrize(("event", "name", "room", "keys"), CONTRACT)
def test_an_event_has_the_name_room_and_keys_of_the_contract(
    event: type[Event], name: str, room: str, keys: set[str]
) -> None:
    assert event.event == name
    assert EVENTS.room(event, "7") == EVENTS.room(event, 7) == room
    assert event.model_json_schema(by_alias=True)["properties"].keys() == keys


def test_every_declared_event_is_in_the_contract() -> None:
    assert list(EVENTS) == [event for event, *_ in CONTRACT]
    assert set(EVENTS) == {kind for kind in all_kinds(Event) if kind.__module__ == "app.events"}


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


def test_an_order_of_a_script_that_knows_no_expiry_has_none() -> None:
    without = {key: value for key, value in ORDER.items() if key != "expiresAt"}
    assert OrderNew.model_validate(without).wire() == {**ORDER, "expiresAt": None}


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


def test_the_names_that_end_a_connection_are_the_transports() -> None:
    assert RESERVED == protocol.RESERVED


class ParcelMoved(Event):
    """What a team declares that has one kind of receiver."""

    event = "parcel:moved"
    audience = "driver"

    parcel_id: str


class Maintenance(Event):
    """What may go to any room."""

    event = "maintenance"

    minutes: int


def test_another_teams_events_have_their_own_names_audiences_and_rooms() -> None:
    events = Events([ParcelMoved, Maintenance])
    assert list(events) == [ParcelMoved, Maintenance]
    assert events.audiences == ("driver",)
    assert events.declared("parcel:moved") is ParcelMoved
    assert events.room(ParcelMoved, "7") == events.room(ParcelMoved, "driver:7") == "driver:7"
    # Nobody's prefix here: an id as any other.
    assert events.room(ParcelMoved, "seller:7") == "driver:seller:7"
    with pytest.raises(Refused, match="no such event: 'notification'; one of parcel:moved, maint"):
        events.declared("notification")


def test_an_event_without_an_audience_goes_to_the_room_as_it_stands() -> None:
    events = Events([ParcelMoved, Maintenance])
    assert events.room(Maintenance, "floor 3") == "floor 3"
    for nobodys in ("", "control", "a\0b", "r" * 256, 7, None):
        with pytest.raises(Refused, match="room"):
            events.room(Maintenance, nobodys)


def test_where_nothing_is_declared_every_name_and_room_goes() -> None:
    events = Events()
    assert events.declared("anything") is None
    assert events.room(None, "user:7") == "user:7"
    with pytest.raises(Refused, match="the service's own"):
        events.room(None, CONTROL_ROOM)


def test_a_payload_that_is_not_what_the_event_declares_names_the_keys() -> None:
    with pytest.raises(InvalidEvent, match=r"^parcel:moved: parcelId: ") as caught:
        ParcelMoved.of({"id": "3"})
    assert [detail["path"] for detail in caught.value.details] == ["parcelId"]


def declared(name: str, audience: str = "user", key_format: str = "") -> type[Event]:
    content = {"event": name, "audience": audience, "key_format": key_format}
    return type("Declared", (Event,), content)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([declared("a"), declared("a", "seller")], "declared twice"),
        ([declared("disconnect")], "no client receives an event named disconnect"),
        ([declared("a", "user:")], "without a colon"),
        ([declared("a", "control")], "not 'control'"),
        ([declared("a", key_format="a:{id}")], "a has no field 'id', which its key_format names"),
    ],
)
def test_a_declaration_that_cannot_work_stops_the_start(
    events: list[type[Event]], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Events(events)


@pytest.mark.parametrize("kind", ["", "a kind with spaces", "k" * 17])
def test_a_revocation_of_an_impossible_kind_is_none(kind: str) -> None:
    with pytest.raises(ValidationError, match="kind"):
        Revoked.model_validate({"kind": kind, "value": "7", "at": "2026-01-02T03:04:05Z"})

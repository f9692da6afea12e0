"""The declared events, the only ones that the marketplace sends to clients.

Each event is a class: its name on the wire, the kind of its room, and its payload. Runtime
validation, the AsyncAPI document and the TypeScript types are made from these. Payload keys are
camelCase on the wire; ids are strings, times ISO 8601 in UTC, money whole cents.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from ordercast import Event, Events, Wire

MAX_SAFE_INTEGER = 2**53 - 1  # the largest whole number that JavaScript holds
MAX_ITEMS = 1000  # of one order; also bounds the cost of validating a wrong payload

Whole = Annotated[int, Field(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]


class Status(StrEnum):
    """The status of an order; app/orders/states.py has the allowed moves."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:  # the first hours of year 1, the last ones of 9999
        raise ValueError("has no UTC time") from exc


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]  # external scripts may send any zone


class Person(Wire):
    id: str
    name: str


class OrderItem(Wire):
    product_id: str
    name: str
    quantity: Whole
    unit_price_cents: Whole


class Order(Wire):
    """The full order object, on HTTP, in `order:placed` and in `order:new`."""

    id: str
    order_number: str
    status: Status
    user: Person  # the customer
    seller: Person
    items: Annotated[list[OrderItem], Field(max_length=MAX_ITEMS)]
    total_cents: Whole
    currency: str  # ISO 4217
    version: Whole  # counts changes, from 1
    created_at: Moment
    updated_at: Moment
    expires_at: Moment | None = None  # when a pending order is cancelled by itself


class OrderStatus(Event):
    event = "order:status"
    audience = "user"
    key_format = "order:{id}"
    summary = "The customer's order moved to another status."

    id: str
    order_number: str
    status: Status


class OrderPlaced(Order, Event):
    event = "order:placed"
    audience = "user"
    key_format = "order:{id}"
    summary = "The customer placed an order, perhaps in another tab or on another device."


class OrderNew(Order, Event):
    event = "order:new"
    audience = "seller"
    key_format = "order:{id}"
    summary = "The seller has a new order, or one of the seller's orders changed: an upsert by id."


class LowStock(Event):
    event = "inventory:low-stock"
    audience = "seller"
    key_format = "product:{id}"
    summary = "A product's stock fell from above its threshold to it or below."

    id: str
    name: str
    stock: Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)]


class Notification(Event):
    event = "notification"
    audience = "user"
    summary = "A message for one user."

    title: str
    message: str
    type: str


EVENTS = Events([OrderStatus, OrderPlaced, OrderNew, LowStock, Notification])

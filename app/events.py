"""The declared events: the one place that knows what travels to a client.

Each event is a class: its name on the wire, whose room it goes to, and its payload. Runtime
validation, the AsyncAPI document and the TypeScript types all come from here. Payload keys are
camelCase on the wire; ids are strings, times ISO 8601 in UTC, money whole cents.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, get_args
from uuid import UUID

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

CONTROL_ROOM = "control"  # no client can join it: orders to the web processes themselves
RESERVED = frozenset(  # socket.io-parser closes the connection at an event with such a name
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
MAX_WHOLE = 2**53 - 1  # the largest whole number that JavaScript holds
MAX_RECEIVER = 200  # characters of an id: as long as a token's subject
MAX_ITEMS = 1000  # of one order; also bounds what a wrong payload can cost

Whole = Annotated[int, Field(ge=-MAX_WHOLE, le=MAX_WHOLE)]


Audience = Literal["user", "seller"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
PREFIXES = frozenset({*AUDIENCES, CONTROL_ROOM})  # of rooms: no id begins with one by accident


class Refused(ValueError):
    """An event that can never be accepted; the text is the reason."""

    code = "refused_event"


class Status(StrEnum):
    """Where an order is in its life; app/orders/states.py says which moves are allowed."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Wire(BaseModel):
    """Something that is sent as JSON: camelCase there, snake_case here."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        from_attributes=True,
        coerce_numbers_to_str=True,  # an external script may hold its ids as numbers
        frozen=True,
    )

    def wire(self) -> dict[str, Any]:
        """The payload as plain JSON types, with exactly the declared keys."""
        return self.model_dump(mode="json", by_alias=True)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:  # the first hours of year 1, the last ones of 9999
        raise ValueError("has no UTC time") from exc


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]  # an external script may be anywhere


class Person(Wire):
    id: str
    name: str


class OrderItem(Wire):
    product_id: str
    name: str
    quantity: Whole
    unit_price_cents: Whole


class Order(Wire):
    """The full order object, on HTTP and in `order:new`."""

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


class Event(Wire):
    """A durable event. `room(receiver)` is where it goes, `event` what the client listens for."""

    event: ClassVar[str]
    audience: ClassVar[Audience]
    summary: ClassVar[str]

    @classmethod
    def room(cls, receiver: str | int) -> str:
        """The room of a receiver: an id, or a room of the event's own audience, `user:7`, which an
        id that looks like a room needs: `user:seller:7`. Raises Refused for what is nobody's."""
        if type(receiver) is int:
            return f"{cls.audience}:{receiver}"
        if not isinstance(receiver, str | UUID):
            raise Refused(f"the receiver of {cls.event} is an id, not {receiver!r:.100}")
        text = str(receiver)
        prefix, colon, rest = text.partition(":")
        is_room = bool(colon) and prefix == cls.audience
        id = rest if is_room else text
        if not (0 < len(id) <= MAX_RECEIVER and id.isprintable() and id == id.strip()):
            raise Refused(
                f"the receiver's id has 1 to {MAX_RECEIVER} printable characters,"
                f" and no space around it: {text!r:.250}"
            )
        if not is_room and looks_like_room(text):
            raise Refused(
                f"{cls.event} goes to a {cls.audience}: an id or {cls.audience}:id, not {text!r}"
            )
        return f"{cls.audience}:{id}"


class OrderStatus(Event):
    event = "order:status"
    audience = "user"
    summary = "The customer's order moved to another status."

    id: str
    order_number: str
    status: Status


class OrderNew(Order, Event):
    event = "order:new"
    audience = "seller"
    summary = "The seller has a new order, or one of the seller's orders changed: an upsert by id."


class LowStock(Event):
    event = "inventory:low-stock"
    audience = "seller"
    summary = "A product's stock fell from above its threshold to it or below."

    id: str
    name: str
    stock: Annotated[int, Field(ge=0, le=MAX_WHOLE)]


class Notification(Event):
    event = "notification"
    audience = "user"
    summary = "A message for one user."

    title: str
    message: str
    type: str


class Revoked(Wire):
    """A control event: tokens were revoked, their sockets close."""

    kind: Literal["user", "session", "token", "account"]
    value: str
    at: AwareDatetime
    detail: str | None = None


class Disconnect(Wire):
    """A control event: the sockets that a user has now close."""

    user_id: str
    at: AwareDatetime | None = None


CONTROL: dict[str, type[Wire]] = {"revoked": Revoked, "disconnect": Disconnect}

EVENTS: tuple[type[Event], ...] = (OrderStatus, OrderNew, LowStock, Notification)
BY_NAME: dict[str, type[Event]] = {event.event: event for event in EVENTS}


def declared(name: str) -> type[Event]:
    """The event of this name. Raises Refused."""
    event = BY_NAME.get(name)
    if event is None:
        raise Refused(f"no such event: {name[:100]!r}; one of {', '.join(BY_NAME)}")
    return event


def looks_like_room(id: str) -> bool:
    """Whether the id begins as a room does, and has to be given as one: `user:seller:7`."""
    return id.partition(":")[0].strip().casefold() in PREFIXES


def encode(payload: dict[str, Any]) -> str:
    """The payload as the JSON text that the journal keeps and later steps only carry."""
    return orjson.dumps(payload).decode()

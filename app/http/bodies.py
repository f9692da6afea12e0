"""The request bodies and queries: exact types, no unknown keys, nothing that SQL cannot hold."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

from app.accounts.attempts import MAX_EMAIL_CHARACTERS
from app.accounts.details import MAX_PASSWORD_CHARACTERS, AccountDetails, Password
from app.catalog.models import MAX_STOCK
from app.catalog.pictures import MAX_PICTURE_CHARACTERS, picture_of
from app.db import MAX_ROW_ID
from app.events import EVENTS, Notification, Status
from app.http.paging import DEFAULT_LIMIT, MAX_PAGE_ROWS
from app.roles import Role
from app.text import no_nul, single_line
from ordercast import MAX_SUBJECT_CHARACTERS

MAX_PRICE_CENTS = 1_000_000_000
MAX_QUANTITY = 100_000
MAX_LINES = 100
MAX_SEARCH_CHARACTERS = 100
MAX_ROOM_CHARACTERS = 255


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(single_line)
]
Title = Annotated[Line, Field(max_length=200)]
NotificationType = Annotated[Line, Field(max_length=50)]
Id = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SUBJECT_CHARACTERS),
    AfterValidator(_printable),
]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
Cents = Annotated[int, Field(ge=0, le=MAX_PRICE_CENTS)]
Stock = Annotated[int, Field(ge=0, le=MAX_STOCK)]


def _image(text: str) -> str:
    picture_of(text)
    return text


Picture = Annotated[
    str,
    Field(max_length=MAX_PICTURE_CHARACTERS, json_schema_extra={"contentEncoding": "base64"}),
    AfterValidator(_image),
]


class Body(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", alias_generator=to_camel, validate_default=True
    )


class Register(AccountDetails, Body):
    role: Literal["customer", "seller"]


class Login(Body):
    email: Annotated[
        str, StringConstraints(max_length=MAX_EMAIL_CHARACTERS), AfterValidator(no_nul)
    ]
    password: Annotated[str, StringConstraints(max_length=MAX_PASSWORD_CHARACTERS)]


class ChangeOwnPassword(Body):
    current: Annotated[str, StringConstraints(max_length=MAX_PASSWORD_CHARACTERS)]
    new: Password


class Refresh(Body):
    refresh_token: str | None = None  # or in the Authorization header


class CreateProduct(Body):
    name: Title
    price_cents: Cents
    currency: Currency = "EUR"
    stock: Stock = 0
    low_stock_threshold: Stock = 5
    hidden: bool = False


class UpdateProduct(Body):
    name: Title | None = None
    price_cents: Cents | None = None
    low_stock_threshold: Stock | None = None
    hidden: bool | None = None
    picture: Picture | None = None  # null: none any more

    @model_validator(mode="after")
    def _something_real(self) -> Self:
        given = self.model_dump(exclude_unset=True)
        if not given or any(given[name] is None for name in given if name != "picture"):
            raise ValueError(
                "give at least one of name, priceCents, lowStockThreshold, hidden, picture, "
                "and null for none but the picture"
            )
        return self


class AdjustStock(Body):
    delta: Annotated[int, Field(ge=-MAX_STOCK, le=MAX_STOCK)] | None = None
    stock: Stock | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.delta is None) == (self.stock is None):
            raise ValueError("give either delta or stock")
        return self


class OrderLine(Body):
    product_id: Id
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


class PlaceOrder(Body):
    items: Annotated[list[OrderLine], Field(min_length=1, max_length=MAX_LINES)]

    def quantities(self) -> dict[str, int]:
        """{product id: quantity}; lines of the same product are added up."""
        total: dict[str, int] = {}
        for line in self.items:
            total[line.product_id] = total.get(line.product_id, 0) + line.quantity
        return total


class ChangeStatus(Body):
    status: Status
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


def _receiver(id: str) -> str:
    """Refuse a room, which emitters accept: the notification's row belongs to a user's id."""
    if EVENTS.room(Notification, id) != f"{Notification.audience}:{id}":
        raise ValueError("must be an id, not a room")
    return id


class Notify(Body):
    user_id: Annotated[Id, AfterValidator(_receiver)]
    title: Title
    message: Annotated[
        str, StringConstraints(min_length=1, max_length=4000), AfterValidator(no_nul)
    ]
    type: NotificationType
    # True: refuse an id that has no account here. Clients of other issuers need none.
    require_account: bool = False


class ChangeRole(Body):
    role: Role


class ChangePassword(Body):
    password: Annotated[str, StringConstraints(max_length=MAX_PASSWORD_CHARACTERS)] | None = None


class Query(BaseModel):
    """A query string, parsed as the declared types; unknown parameters are ignored."""

    model_config = ConfigDict(alias_generator=to_camel)


class Page(Query):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_ROWS)] = DEFAULT_LIMIT
    cursor: str | None = None  # the `nextCursor` of the page before


class SearchPage(Page):
    q: Annotated[str, Field(max_length=MAX_SEARCH_CHARACTERS), AfterValidator(no_nul)] = ""


Searched = Annotated[str, Field(max_length=MAX_ROOM_CHARACTERS), AfterValidator(no_nul)]
Offset = Annotated[int, Field(ge=0, le=MAX_ROW_ID)]


class ConnectionsPage(Page):
    user: Searched = ""
    address: Searched = ""


class JournalPage(Page):
    room: Searched = ""
    name: Searched = ""
    after: Offset = 0
    before: Offset | None = None


def _listed(text: object) -> object:
    """ "a,b" -> ["a", "b"]."""
    return text.split(",") if isinstance(text, str) else text


class ProductPage(Page):
    seller_id: str | None = None
    ids: Annotated[list[str] | None, BeforeValidator(_listed), Field(max_length=MAX_PAGE_ROWS)] = (
        None  # these alone
    )


class OrderPage(SearchPage):
    status: Annotated[list[Status] | None, BeforeValidator(_listed)] = None  # any of these
    placed_from: AwareDatetime | None = None
    placed_before: AwareDatetime | None = None


class EventsAfter(Query):
    after: Offset  # of an event or X-Event-Offset

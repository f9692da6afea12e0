"""A small market in this process: people with the API in hand, their goods, and the journal."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.accounts import tokens
from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.db import db, row_id, transaction
from app.events import Status
from app.orders.models import Order
from ordercast.journal.tables import EVENTS
from ordercast.testing import Sent, capture
from tests.harness.application import journal


class Written(NamedTuple):
    """One row of the events table."""

    room: str
    name: str
    data: Any


@dataclass(frozen=True)
class Caller:
    """Somebody who calls the API. Each call has a context of its own, as in production: nothing
    of the session or of the identity is left over from the one before."""

    app: Flask
    id: str
    token: str

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        with self.app.app_context():
            client = self.app.test_client()
            return client.open(path, method=method, headers=headers, buffered=True, **options)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.call("GET", path, query_string=query)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> TestResponse:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.call("POST", path, json=body, headers=headers)

    def patch(self, path: str, body: Any) -> TestResponse:
        return self.call("PATCH", path, json=body)

    def move(self, order: Any, status: str, **body: Any) -> TestResponse:
        return self.patch(f"/api/orders/{order['id']}/status", {"status": status, **body})

    def adjust(self, product: Any, key: str | None = None, **body: Any) -> TestResponse:
        return self.post(f"/api/products/{product['id']}/stock", body, key=key)


class Market:
    """alice buys, bob sells, charlie is a stranger; dora sells too, and there is an admin."""

    def __init__(self, app: Flask, make_user: Callable[..., Identity]) -> None:
        self.app = app
        self.alice = self.caller(make_user("Alice"))
        self.bob = self.caller(make_user("Bob", Role.SELLER))
        self.charlie = self.caller(make_user("Charlie"))
        self.dora = self.caller(make_user("Dora", Role.SELLER))
        self.admin = self.caller(make_user("Admin", Role.ADMIN))
        db.session.rollback()  # making them left a read open

    def caller(self, identity: Identity) -> Caller:
        return self.bearer(identity.user_id, identity.role)

    def bearer(self, sub: str, role: Role) -> Caller:
        """Whoever a token says: no account is needed."""
        with self.app.app_context():
            return Caller(self.app, sub, tokens.issue("access", sub, role))

    def product(self, seller: Caller | None = None, **changes: Any) -> Any:
        """A new product, bob's by default -> its JSON."""
        values = {"name": "Tea", "priceCents": 250, "stock": 10, "lowStockThreshold": 2}
        return good((seller or self.bob).post("/api/products", {**values, **changes}), 201)

    def stock(self, product: Any) -> int:
        """What the catalog says is left of a product."""
        listed = good(self.alice.get("/api/products"))["products"]
        return int(next(one["stock"] for one in listed if one["id"] == product["id"]))

    def order(self, product: Any, quantity: int = 1, buyer: Caller | None = None) -> Any:
        """A new order, alice's by default -> its JSON."""
        return good((buyer or self.alice).post("/api/orders", basket((product, quantity))), 201)

    def order_that_is(self, status: Status, product: Any) -> Any:
        """An order of alice's that has come so far, whatever way -> its JSON."""
        order = self.order(product)
        with self.app.app_context(), transaction() as session:
            chosen = Order.id == row_id(order["id"])
            session.execute(update(Order).where(chosen).values(status=status))
        return good(self.alice.get(f"/api/orders/{order['id']}"))

    def written(self) -> list[Written]:
        """Every event that was committed, oldest first, sequenced or not."""
        query = select(EVENTS.c.room, EVENTS.c.name, EVENTS.c.data)
        with self.app.app_context():
            rows = db.session.execute(query.order_by(EVENTS.c.id)).all()
        return [Written(row.room, row.name, orjson.loads(row.data)) for row in rows]

    def written_by(self, change: Callable[[], object]) -> list[Written]:
        """The events that this change committed, as `capture` has them: in the order of commits."""
        with capture(self.app) as sent:
            change()
        return written_of(sent)

    def sequence(self) -> int:
        """Give every event its position -> the head's."""
        with self.app.app_context():
            while journal.sequence()[1]:
                continue
            return journal.head().position


def written_of(sent: Sent) -> list[Written]:
    """The durable events of a capture."""
    return [Written(str(one.rooms[0]), one.name, one.payload) for one in sent.durable]


def basket(*lines: tuple[Any, int]) -> Any:
    """The body of an order: (product, quantity) ..."""
    return {
        "items": [{"productId": product["id"], "quantity": quantity} for product, quantity in lines]
    }


def good(response: TestResponse, status: int = 200) -> Any:
    """The JSON of a response that has this status."""
    assert response.status_code == status, f"{response.status} {response.text}"
    return response.get_json()


def error(response: TestResponse) -> tuple[int, str]:
    """The status and code of a response that is an error in the envelope."""
    body = response.get_json()
    assert set(body) == {"error"}, response.text
    assert set(body["error"]) - {"details"} == {"code", "message"}, response.text
    return response.status_code, body["error"]["code"]


def moment(text: str) -> datetime:
    """A time on the wire. The texts have no order: a whole second has no fraction."""
    return datetime.fromisoformat(text)


def details(response: TestResponse) -> Any:
    """What an error says beyond its message."""
    return response.get_json()["error"]["details"]

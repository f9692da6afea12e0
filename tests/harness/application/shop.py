"""A seller, a customer and their HTTP API in this process, and operations drawn by numbers."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.notifications import service as notifications
from app.orders.states import NEXT
from tests.harness.application.journal import sequence_once

Headers = dict[str, str]
Json = dict[str, Any]


class Client:
    """Somebody with the API in hand."""

    def __init__(self, app: Flask, identity: Identity, headers: Headers) -> None:
        self.identity = identity
        self._http = app.test_client()
        self._headers = headers

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.open(path, method=method, json=body, headers=self._headers)
        self.offset = answer.headers.get("X-Event-Offset", "")
        return answer.json

    def snapshot(self) -> tuple[Json, str]:
        """The lists, and the offset from which events are news to all of them."""
        offset = ""
        lists = {}
        seller = f"sellerId={self.identity.user_id}&"
        for name in ("orders", "products", "notifications"):
            query = f"?{seller if name == 'products' else ''}limit=100"
            lists[name] = self.call("GET", f"/api/{name}{query}")[name]
            offset = offset or self.offset
        return lists, offset

    def events(self, after: str) -> list[Json]:
        answer = self.call("GET", f"/api/events?after={after}")
        assert answer["complete"]
        events: list[Json] = answer["events"]
        return events


class Shop:
    """A seller with three products and a customer, and what they may do, by numbers."""

    def __init__(self, app: Flask, new: Callable[[str, Role], Client]) -> None:
        self.seller, self.customer = new("seller", Role.SELLER), new("customer", Role.CUSTOMER)
        self.orders: list[Json] = []
        self.falls: list[Json] = []  # each fall of a stock to its threshold, in order
        self.products = [
            self.seller.call(
                "POST",
                "/api/products",
                {"name": f"Tea {n}", "priceCents": 100, "stock": 6, "lowStockThreshold": n},
            )
            for n in range(3)
        ]

    def do(self, what: str, which: int, amount: int) -> None:
        """One real operation; what is not allowed is refused, as anybody would be."""
        before = self.stocks()
        getattr(self, f"_{what}")(which, amount)
        for item, old in zip(self.stocks(), before, strict=True):
            if old["stock"] > item["lowStockThreshold"] >= item["stock"]:
                self.falls.append({key: item[key] for key in ("id", "name", "stock")})

    def stocks(self) -> list[Json]:
        query = f"sellerId={self.seller.identity.user_id}"
        products = self.seller.call("GET", f"/api/products?{query}")["products"]
        return sorted(products, key=lambda item: int(item["id"]))

    def _place(self, which: int, amount: int) -> None:
        lines = [self.products[which % 3]["id"], self.products[(which + 1) % 3]["id"]]
        items = [{"productId": line, "quantity": amount} for line in lines[: 1 + which % 2]]
        placed = self.customer.call("POST", "/api/orders", {"items": items})
        self.orders += [placed] if "id" in placed else []

    def _move(self, which: int, amount: int) -> None:
        if self.orders:
            order = self.orders[which % len(self.orders)]
            status = sorted(NEXT)[amount % len(NEXT)]
            self.seller.call("PATCH", f"/api/orders/{order['id']}/status", {"status": status})

    def _restock(self, which: int, amount: int) -> None:
        path = f"/api/products/{self.products[which % 3]['id']}/stock"
        self.seller.call("POST", path, {"stock": amount} if which > 5 else {"delta": amount - 3})

    def _notify(self, which: int, amount: int) -> None:
        to = (self.customer, self.seller)[which % 2].identity.user_id
        notifications.notify(to, title=f"{which}", message=f"{amount}", type="info")

    def _sequence(self, which: int, amount: int) -> None:
        """The worker gets to so many events."""
        sequence_once(lambda message: None, limit=amount or 1)

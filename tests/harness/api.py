"""People who use the HTTP API."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx


@dataclass
class Person:
    """A user with a token; `call` answers with the response, `get` and `post` with good JSON."""

    url: str
    id: str
    token: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.http.request(method, f"{self.url}{path}", headers=headers, **options)

    def get(self, path: str) -> Any:
        return self._good(self.call("GET", path))

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self._good(self.call("POST", path, json=body, **options))

    def offers(self, **changes: Any) -> Any:
        """A new product of this seller's -> its JSON."""
        product = {"name": "Tea", "priceCents": 250, "stock": 10, "lowStockThreshold": 2}
        return self.post("/api/products", {**product, **changes})

    def orders(self, product: Any, quantity: int = 1) -> Any:
        """A new order of this customer's -> its JSON."""
        return self.post(
            "/api/orders", {"items": [{"productId": product["id"], "quantity": quantity}]}
        )

    def patch(self, path: str, body: Any) -> Any:
        return self._good(self.call("PATCH", path, json=body))

    @staticmethod
    def _good(response: httpx.Response) -> Any:
        assert response.is_success, f"{response.status_code} {response.text}"
        return response.json() if response.content else None


def register(url: str, role: str) -> Person:
    """Somebody new, logged in: a customer or a seller."""
    email, password = f"{role}-{uuid4().hex}@example.com", uuid4().hex
    body = {"email": email, "password": password, "name": f"A {role}", "role": role}
    response = httpx.post(f"{url}/api/auth/register", json=body)
    assert response.status_code == 201, response.text
    return log_in(url, email, password)


def log_in(url: str, email: str, password: str) -> Person:
    response = httpx.post(f"{url}/api/auth/login", json={"email": email, "password": password})
    assert response.status_code == 200, response.text
    body = response.json()
    return Person(url, body["user"]["id"], body["accessToken"])

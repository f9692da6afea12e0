"""People who use the HTTP API."""

import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import jwt

from tests.harness.clients import loopback
from tests.harness.processes.process import SECRET


@dataclass
class Person:
    """A user with a token; `call` answers with the response, `get` and `post` with good JSON."""

    url: str
    id: str
    token: str
    refresh_token: str = ""
    credentials: tuple[str, str] = ("", "")  # e-mail address and password
    http: httpx.Client = field(default_factory=lambda: loopback.Client(timeout=30))

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

    def elsewhere(self, url: str = "") -> "Person":
        """The same user in another session: logged in once more, there if a URL is given."""
        return log_in(url or self.url, *self.credentials, http=self.http)

    @staticmethod
    def _good(response: httpx.Response) -> Any:
        assert response.is_success, f"{response.status_code} {response.text}"
        return response.json() if response.content else None


def register(url: str, role: str, name: str = "", host: str = "example.com") -> Person:
    """Somebody new, logged in: a customer or a seller."""
    email, password = f"{role}-{uuid4().hex}@{host}", uuid4().hex
    body = {"email": email, "password": password, "name": name or f"A {role}", "role": role}
    response = loopback.post(f"{url}/api/auth/register", json=body)
    assert response.status_code == 201, response.text
    return log_in(url, email, password)


def log_in(url: str, email: str, password: str, *, http: httpx.Client | None = None) -> Person:
    response = loopback.post(f"{url}/api/auth/login", json={"email": email, "password": password})
    assert response.status_code == 200, response.text
    body = response.json()
    tokens = body["accessToken"], body["refreshToken"]
    user_id, credentials = body["user"]["id"], (email, password)
    return Person(url, user_id, *tokens, credentials, http or loopback.Client(timeout=30))


def signed(**changes: object) -> str:
    """A token with the service's signature, a good customer's but for the changes."""
    moment = int(time.time())
    claims = {"sub": "7", "role": "customer", "type": "access", "jti": uuid4().hex}
    return jwt.encode({**claims, "iat": moment, "exp": moment + 600, **changes}, SECRET)


def claim(token: str, name: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})[name]


def notify(url: str, user_id: str, **changes: str) -> Any:
    """An admin sends somebody a notification -> its payload in the event."""
    note = {"title": "Hello", "message": "You", "type": "info", **changes}
    headers = {"Authorization": f"Bearer {signed(sub='an-admin', role='admin')}"}
    response = loopback.post(
        f"{url}/api/notifications", json={"userId": user_id, **note}, headers=headers
    )
    assert response.status_code == 201, response.text
    return note

"""Somebody at /api/auth, in this process."""

from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.harness.application.market import error, good

PASSWORD = "correct horse battery"
ALICE = {
    "email": "alice@example.com",
    "password": PASSWORD,
    "name": "Alice",
    "role": "customer",
}


@dataclass(frozen=True)
class Visitor:
    """Calls from one address. Each has a context of its own, as in production: nothing of the
    session or of the identity is left over from the one before."""

    app: Flask
    address: str = "192.0.2.1"

    def call(
        self, method: str, path: str, token: str | None = None, **options: Any
    ) -> TestResponse:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        environ = {"REMOTE_ADDR": self.address}
        with self.app.app_context():
            return self.app.test_client().open(
                path, method=method, headers=headers, environ_base=environ, buffered=True, **options
            )

    def register(self, **changes: Any) -> TestResponse:
        return self.call("POST", "/api/auth/register", json={**ALICE, **changes})

    def log_in(self, email: str = ALICE["email"], password: str = PASSWORD) -> TestResponse:
        body = {"email": email, "password": password}
        return self.call("POST", "/api/auth/login", json=body)

    def refresh(self, token: str) -> TestResponse:
        return self.call("POST", "/api/auth/refresh", token)

    def log_out(self, token: str) -> TestResponse:
        return self.call("POST", "/api/auth/logout", token)

    def me(self, token: str) -> TestResponse:
        return self.call("GET", "/api/auth/me", token)

    def pair(self) -> Any:
        """A new login of alice's -> {accessToken, refreshToken, expiresIn, user}."""
        return good(self.log_in())

    def is_let_in(self, token: str) -> bool:
        """Whether the door opens; if not it has to be with a 401 about the token."""
        answer = self.call("GET", "/api/products", token)
        if answer.status_code == 200:
            return True
        status, code = error(answer)
        assert status == 401, answer.text
        assert code in ("token_invalid", "token_expired", "authentication_required"), answer.text
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        return False

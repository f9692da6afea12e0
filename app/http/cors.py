"""CORS for the API: the origins of `CORS_ORIGINS`, with credentials (Fetch standard, 3.2)."""

from flask import Flask, Response, request

from app.config import Settings
from app.http import cookie
from app.http.operation import IDEMPOTENCY_KEY, OFFSET, REPLAYED
from ordercast import Origins

API = "/api/"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
TAKEN = ("Authorization", "Content-Type", IDEMPOTENCY_KEY)  # fields allowed in a request
SHOWN = ", ".join((OFFSET, REPLAYED, "Retry-After"))  # fields of an answer that scripts may read
PREFLIGHT_SECONDS = 600


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    if not settings.CORS_ORIGINS:
        return
    origins = Origins(settings.CORS_ORIGINS)

    @app.after_request
    def allow(response: Response) -> Response:
        # The cookie is for the pages of this origin: no other origin may read what it opens.
        if request.path.startswith(API) and not request.path.startswith(cookie.PATH):
            # Also for other origins: a cache must not give their answer to a listed origin.
            response.vary.add("Origin")
            origin = request.headers.get("Origin")
            if origin is not None and origins.lists(origin):
                response.headers.update(_allowed(origin))
        return response


def _allowed(origin: str) -> dict[str, str]:
    fields = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": SHOWN,
    }
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        asked = request.headers.get("Access-Control-Request-Headers", "").lower()
        names = {name.strip() for name in asked.split(",")}
        fields["Access-Control-Allow-Methods"] = METHODS
        fields["Access-Control-Allow-Headers"] = ", ".join(
            name for name in TAKEN if name.lower() in names
        )
        fields["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return fields

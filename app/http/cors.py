"""CORS for the API: the origins of `CORS_ORIGINS`, with credentials (Fetch standard, 3.2)."""

import re

from flask import Flask, Response, request
from flask_cors import CORS

from app.config import Settings
from app.http.operation import IDEMPOTENCY_KEY, OFFSET, REPLAYED

API = "/api/"


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    if settings.CORS_ORIGINS:
        app.after_request(_vary)
        CORS(
            app,
            resources=f"{API}.*",
            # Escaped: it takes a string with brackets, like that of an IPv6 origin, for a pattern.
            origins=[re.compile(re.escape(origin) + r"\Z") for origin in settings.CORS_ORIGINS],
            supports_credentials=True,
            allow_headers=["Authorization", "Content-Type", IDEMPOTENCY_KEY],
            expose_headers=[OFFSET, REPLAYED, "Retry-After"],
            max_age=600,
            vary_header=False,
        )


def _vary(response: Response) -> Response:
    """Also where no header is sent: a cache must not hand that answer to a listed origin."""
    if request.path.startswith(API):
        response.vary.add("Origin")
    return response

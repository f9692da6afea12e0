"""CORS for the API: the origins of `CORS_ORIGINS`, with credentials (Fetch standard, 3.2)."""

from flask import Flask
from flask_cors import CORS

from app.config import Settings
from app.http.operation import IDEMPOTENCY_KEY, OFFSET, REPLAYED


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    if settings.CORS_ORIGINS:
        CORS(
            app,
            resources=r"/api/.*",
            origins=list(settings.CORS_ORIGINS),
            supports_credentials=True,
            allow_headers=["Authorization", "Content-Type", IDEMPOTENCY_KEY],
            expose_headers=[OFFSET, REPLAYED, "Retry-After"],
            max_age=600,
        )

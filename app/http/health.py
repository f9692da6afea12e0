"""Health, for balancers and monitors: healthz (this process runs), readyz (can serve), metrics."""

from typing import Any

from flask import Blueprint, current_app
from werkzeug.exceptions import NotFound

from app.extension import cast

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """-> 200 while the process runs; asks nothing."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """-> 200 {status: ok | degraded, <check>: ok | problem, ...} | 503 with the status
    `unavailable` when a check failed that the process needs to serve, or `draining`."""
    answers, status = cast.health()
    if cast.draining:
        status = "draining"
    return {"status": status, **answers}, 503 if status in ("unavailable", "draining") else 200


@blueprint.get("/metrics")
def metrics() -> tuple[bytes, dict[str, str]]:
    """-> 200, the Prometheus text format | 404 where it has a port of its own."""
    if current_app.config["SETTINGS"].METRICS_PORT:
        raise NotFound
    return cast.metrics()

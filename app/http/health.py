"""For balancers and monitoring: healthz (this process runs), readyz (it can serve), metrics."""

import logging
from typing import Any

import redis
from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from app import broker, journal

logger = logging.getLogger(__name__)
blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """-> 200 while the process answers at all."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """-> 200 {status, database, redis} | 503 without the database, and while this process drains.

    Without Redis events are slower and none is lost, so that says `degraded` and stays 200.
    """
    checks = {"database": _database(), "redis": _redis()}
    if current_app.extensions["realtime"].draining:
        return {"status": "draining", **checks}, 503
    if checks["database"] != "ok":
        return {"status": "unavailable", **checks}, 503
    return {"status": "ok" if checks["redis"] == "ok" else "degraded", **checks}, 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """-> 200, the Prometheus text format."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        journal.head()
    except SQLAlchemyError as exc:
        logger.warning("not ready: database", extra={"error": str(exc)})
        return "unavailable"
    return "ok"


def _redis() -> str:
    try:
        with broker.connect(current_app.config["SETTINGS"].REDIS_URL) as client:
            client.ping()
    except redis.RedisError as exc:
        logger.warning("degraded: redis", extra={"error": str(exc)})
        return "unavailable"
    return "ok"

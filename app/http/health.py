"""For balancers and monitoring: healthz (this process runs), readyz (it can serve), metrics."""

from typing import Any

from flask import Blueprint, Flask, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.extension import cast
from ordercast import health
from ordercast.broker import Broker
from ordercast.inbox import sender as inbox
from ordercast.metrics import INBOX_SECONDS

blueprint = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    broker, queue = Broker.of(app.config["SETTINGS"]), health.Queue()
    # Without Redis events are slower and none is lost: the process serves.
    cast.check(health.Check("redis", lambda: _redis(broker)))
    cast.check(health.Check("inbox", lambda: _inbox(broker, queue)))


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """-> 200 while the process answers at all."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """-> 200 {status: ok | degraded, <check>: ok | what is wrong, ...} | 503 with the status
    `unavailable` when a check failed that the process cannot serve without, and `draining`."""
    answers, status = cast.health()
    if current_app.extensions["realtime"].draining:
        status = "draining"
    return {"status": status, **answers}, 503 if status in (health.UNAVAILABLE, "draining") else 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """-> 200, the Prometheus text format."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _redis(broker: Broker) -> str:
    with broker.connect() as client:
        client.ping()
    return health.OK


def _inbox(broker: Broker, queue: health.Queue) -> str:
    with broker.connect() as client:
        waited = queue.seconds(inbox.oldest(client, broker))
    INBOX_SECONDS.set(waited)
    return health.OK if waited < health.LATE_SECONDS else health.DELAYED

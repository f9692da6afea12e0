"""What balancers and monitoring ask on a port of its own: healthz, readyz, metrics."""

from collections.abc import Callable
from http import HTTPStatus

from ordercast.health import UNAVAILABLE, Health
from ordercast.monitoring.exposition import CONTENT_TYPE
from ordercast.monitoring.port import Answer, Views

DRAINING = "draining"


def views(health: Health, metrics: Callable[[], bytes], is_draining: Callable[[], bool]) -> Views:
    """`metrics` returns the text for Prometheus."""

    def healthz() -> Answer:
        return Answer.json(HTTPStatus.OK, {"status": "ok"})

    def readyz() -> Answer:
        answers, status = health.examine()
        if is_draining():
            status = DRAINING
        serves = status not in (UNAVAILABLE, DRAINING)
        code = HTTPStatus.OK if serves else HTTPStatus.SERVICE_UNAVAILABLE
        return Answer.json(code, {"status": status, **answers})

    def text() -> Answer:
        return Answer(HTTPStatus.OK, CONTENT_TYPE, metrics())

    return {"/healthz": healthz, "/readyz": readyz, "/metrics": text}

"""The access log and the request metrics: one line and one observation a request."""

import logging
import time

from flask import Flask, Response, g, request

from app.metrics import HTTP_SECONDS

logger = logging.getLogger(__name__)
# Count others as "other": a client must not be able to add a time series with each request.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = frozenset({"health.healthz", "health.readyz", "health.metrics"})  # polled: DEBUG


def init_app(app: Flask) -> None:
    app.before_request(_start)
    app.after_request(_finish)


def _start() -> None:
    g.started = time.perf_counter()


def _finish(response: Response) -> Response:
    seconds = time.perf_counter() - g.started
    route = request.url_rule.rule if request.url_rule else "unmatched"
    method = request.method if request.method in METHODS else "other"
    HTTP_SECONDS.labels(method, route, response.status_code).observe(seconds)
    logger.log(
        logging.DEBUG if request.endpoint in QUIET else logging.INFO,
        "request",
        extra={
            "method": request.method,
            "path": request.path,  # without the query, which may hold private data
            "status": response.status_code,
            "ms": round(seconds * 1000, 1),
            "user": getattr(g.get("caller"), "user_id", None),
            "address": request.remote_addr,
        },
    )
    return response

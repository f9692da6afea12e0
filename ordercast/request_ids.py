"""One id for what a request does: in its log lines, on the events that it appends, in the worker's
log, and in the header of its answer.

It is the request's `X-Request-ID`, as a proxy or another service hands it on; else the trace id of
its `traceparent` (https://www.w3.org/TR/trace-context/); else made here.
"""

import logging
import re
import secrets
from typing import Any

from flask import Flask, Response, has_request_context, request

HEADER = "X-Request-ID"
TRACE_HEADER = "traceparent"
MAX_CHARACTERS = 128
FORBIDDEN = re.compile(r"[^A-Za-z0-9._:@=+/,-]")  # the rest could forge lines of a log
TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
MADE_BYTES = 8
KEPT = "ordercast.request_id"  # in the environ, which a Socket.IO client's handlers share


def current_request_id() -> str | None:
    """The id of the current request; None outside of a request. In a handler of Socket.IO it is
    that of the client's handshake."""
    if not has_request_context():
        return None
    environ = request.environ
    found: str | None = environ.get(KEPT)
    if found is None:
        given = clean(request.headers.get(HEADER, ""))
        found = environ[KEPT] = given or current_trace_id() or secrets.token_hex(MADE_BYTES)
    return found


def current_trace_id() -> str | None:
    """The trace id of the current request's `traceparent`; None without a good one."""
    if not has_request_context():
        return None
    found = TRACE.match(request.headers.get(TRACE_HEADER, ""))
    return found[1] if found else None


def clean(given: str) -> str:
    """Without characters that an id does not have, and of a bounded length."""
    return FORBIDDEN.sub("", given[: 2 * MAX_CHARACTERS])[:MAX_CHARACTERS]


def init_app(app: Flask) -> None:
    """Give each answer its request's id, unless the application gives another."""
    app.after_request(_with_id)


def _with_id(response: Response) -> Response:
    response.headers.setdefault(HEADER, current_request_id() or "")
    return response


class RequestIdFilter(logging.Filter):
    """For a handler: gives each line that is logged within a request the attributes `request_id`
    and, if the request has a `traceparent`, `trace_id`."""

    def filter(self, record: logging.LogRecord) -> bool:
        if has_request_context():
            ids: dict[str, Any] = {"request_id": current_request_id()}
            if (trace := current_trace_id()) is not None:
                ids["trace_id"] = trace
            record.__dict__.update({**ids, **record.__dict__})  # what a line says itself stays
        return True

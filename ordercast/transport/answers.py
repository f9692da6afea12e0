"""Answers to requests of Engine.IO, and the refusals."""

from __future__ import annotations

from typing import NamedTuple

import orjson

TEXT = ("Content-Type", "text/plain; charset=UTF-8")
JSON = ("Content-Type", "application/json")


class Answer(NamedTuple):
    status: str
    body: bytes
    content_type: tuple[str, str] = TEXT
    more_headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """The request is answered with an error: {code, message}. The codes are Engine.IO's, 0 to 5,
    and words where Engine.IO has none."""

    def __init__(self, code: int | str, message: str, status: str = "400 Bad Request") -> None:
        super().__init__(message)
        self.answer = Answer(status, orjson.dumps({"code": code, "message": message}), JSON)


TRANSPORT_UNKNOWN = (0, "Transport unknown")
SESSION_UNKNOWN = (1, "Session ID unknown")
BAD_METHOD = (2, "Bad handshake method")
BAD_REQUEST = (3, "Bad request")
FORBIDDEN = (4, "Forbidden", "403 Forbidden")
UNSUPPORTED = (5, "Unsupported protocol version")
TOO_MANY = "too_many_connections"
FULL = (TOO_MANY, "Too many connections", "503 Service Unavailable")
ADDRESS_FULL = (TOO_MANY, "Too many connections of this address", "429 Too Many Requests")
TOO_LARGE = ("too_large", "Message too large", "413 Content Too Large")
TOO_SLOW = ("request_timeout", "The body did not come in time", "408 Request Timeout")
DRAINING = ("draining", "This process is going away", "503 Service Unavailable")

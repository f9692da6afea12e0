"""The opening handshake of a WebSocket, RFC 6455 section 4.2, answered before anything is sent."""

import base64
from hashlib import sha1
from typing import Any

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
VERSION = "13"
KEY_BYTES = 16


class BadHandshake(Exception):
    """The handshake is malformed; the argument says how."""


class WrongVersion(BadHandshake):
    """Another version of the protocol."""


def answer(environ: dict[str, Any]) -> bytes:
    """The head of the 101 response. Raises BadHandshake."""
    if environ.get("HTTP_UPGRADE", "").lower() != "websocket":
        raise BadHandshake("Upgrade is not websocket")
    if "upgrade" not in environ.get("HTTP_CONNECTION", "").lower():
        raise BadHandshake("Connection is not upgrade")
    if environ.get("HTTP_TRANSFER_ENCODING") or environ.get("CONTENT_LENGTH", "0").strip("0 "):
        raise BadHandshake("a body in front of the WebSocket")
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != VERSION:
        raise WrongVersion(f"Sec-WebSocket-Version is not {VERSION}")
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "").strip()
    try:
        length = len(base64.b64decode(key, validate=True))
    except ValueError as exc:
        raise BadHandshake("Sec-WebSocket-Key is not base64") from exc
    if length != KEY_BYTES:
        raise BadHandshake(f"Sec-WebSocket-Key has {length} bytes, not {KEY_BYTES}")
    # section 4.2.2: SHA-1 is the protocol's, and guards no secret
    accept = base64.b64encode(sha1(key.encode() + GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )

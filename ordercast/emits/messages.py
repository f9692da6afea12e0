"""The messages of the queue: Flask-SocketIO's own Redis channel and format, and marks.

A mark is a message of a worker's own on that channel, which all others pass over: Redis gives every
subscriber the same order, so that "the 5th message after this mark" is the same message for all.
"""

import json
import math
from typing import Any

import orjson

from ordercast.events import RESERVED

ROOM_METHODS = frozenset({"enter_room", "leave_room", "close_room"})
MARK = "mark"  # the method of a mark
MARK_BEGINS = f'{{"method":"{MARK}","{MARK}":"'.encode()


def read(message: bytes) -> Any:
    """Parse a message of the queue. Raises ValueError, KeyError or TypeError for any other text."""
    try:
        data = orjson.loads(message)
    except orjson.JSONDecodeError:
        data = _read_as_stock(message)
    method = data["method"]
    if method == "emit" and (not isinstance(data["event"], str) or data["event"] in RESERVED):
        raise ValueError(f"no client takes an event named {data['event']!r}")
    if method in ROOM_METHODS and not isinstance(data["room"], str):
        raise ValueError("a room is a text")
    return data


def mark(name: str) -> bytes:
    """A mark, as it is published. `name`: hexadecimal digits."""
    return MARK_BEGINS + name.encode() + b'"}'


def mark_of(message: bytes) -> str | None:
    """The name of a mark; None for any other message."""
    if not message.startswith(MARK_BEGINS):
        return None
    return message[len(MARK_BEGINS) : -2].decode(errors="replace")


def _read_as_stock(message: bytes) -> Any:
    """The message as Python's own parser reads it: it takes half an emoji, as a text that was cut
    ends with, and python-socketio escapes it again on the wire. Raises ValueError, also for NaN and
    Infinity, which Python writes and JavaScript cannot read."""
    return json.loads(message, parse_constant=_refuse, parse_float=_finite)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)

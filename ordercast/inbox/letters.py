"""An entry of the inbox's stream: understood, or refused with the reason."""

from dataclasses import dataclass

import orjson

from ordercast.errors import InvalidEvent, Refused
from ordercast.events import Events
from ordercast.inbox.sender import check_data, check_id

Fields = dict[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Letter:
    """An entry that has been understood."""

    key: str  # unique: the sender's id, or else the stream's
    room: str
    event: str
    payload: object  # a dict of a declared event; else the JSON text as it came


def read(events: Events, entry_id: str, fields: Fields) -> Letter:
    """Understand an entry. Raises Refused."""
    missing = [name for name in (b"event", b"to", b"data") if name not in fields]
    if missing:
        raise Refused(f"missing: {b', '.join(missing).decode()}")
    try:
        name, to = fields[b"event"].decode(), fields[b"to"].decode()
        key = fields[b"id"].decode() if b"id" in fields else None
    except UnicodeDecodeError as exc:
        raise Refused("a field is not UTF-8") from exc
    event = events.declared(name)
    room = events.room(event, to)
    data = fields[b"data"]
    check_data(data)
    if key is not None:
        check_id(key)
    try:
        payload = orjson.loads(data)
        payload = data.decode() if event is None else event.of(payload).wire()
    except orjson.JSONDecodeError as exc:
        raise Refused(f"data is not JSON: {exc}") from exc
    except InvalidEvent as exc:
        raise Refused(exc.message) from exc
    # Prefixed, so that a sender's id never equals an id of the stream.
    return Letter(f"id:{key}" if key else f"entry:{entry_id}", room, name, payload)

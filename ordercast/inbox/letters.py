"""An entry of the inbox's stream: understood, or refused with the reason."""

from dataclasses import dataclass

import orjson

from ordercast.errors import InvalidEvent, Refused
from ordercast.events import Events, subject_of
from ordercast.inbox.claiming import key_of
from ordercast.inbox.sender import check_data, check_id
from ordercast.payloads import JsonText, encode

Fields = dict[bytes, bytes]
# The fields that only processes of the service write.
ROOM, FURTHER, ROW = b"room", b"further", b"row"


@dataclass(frozen=True, slots=True)
class Letter:
    """An entry that has been understood."""

    key: str  # unique: the sender's id, or else the stream's
    room: str
    event: str
    payload: JsonText  # of a declared event as it was validated; else as it came
    further: tuple[str, ...] = ()  # its rooms besides `room`
    subject: str | None = None  # what a declared event is about: its key in the journal
    row: int | None = None  # of the journal, which may have the event: a COMMIT was not answered


def read(events: Events, entry_id: str, fields: Fields) -> Letter:
    """Understand an entry. Raises Refused."""
    is_own = ROOM in fields  # of a process of the service, which has checked the receiver
    needed = (b"event", ROOM if is_own else b"to", b"data")
    missing = [name for name in needed if name not in fields]
    if missing:
        raise Refused(f"missing: {b', '.join(missing).decode()}")
    try:
        name, to = fields[b"event"].decode(), fields[ROOM if is_own else b"to"].decode()
        key = fields[b"id"].decode() if b"id" in fields else None
    except UnicodeDecodeError as exc:
        raise Refused("a field is not UTF-8") from exc
    event = events.declared(name)
    room = events.open_room(to) if is_own else events.room(event, to)
    further = _further(events, fields) if is_own else ()
    row = fields.get(ROW)
    data = fields[b"data"]
    check_data(data)
    if key is not None:
        check_id(key)
    try:
        content = orjson.loads(data)
        made = None if event is None else event.of(content)
        payload = JsonText(data.decode()) if made is None else encode(made.wire())
    except orjson.JSONDecodeError as exc:
        raise Refused(f"data is not JSON: {exc}") from exc
    except InvalidEvent as exc:
        raise Refused(exc.message) from exc
    except ValueError as exc:
        raise Refused(str(exc)) from exc
    if row is not None and not row.isdigit():
        raise Refused("`row` is a number")
    key = key_of(key) if key else f"entry:{entry_id}"
    subject = None if made is None else subject_of(made)
    return Letter(key, room, name, payload, further, subject, None if row is None else int(row))


def _further(events: Events, fields: Fields) -> tuple[str, ...]:
    try:
        rooms = orjson.loads(fields.get(FURTHER, b"[]"))
    except orjson.JSONDecodeError as exc:
        raise Refused(f"`further` is not JSON: {exc}") from exc
    if not isinstance(rooms, list):
        raise Refused("`further` is a list of rooms")
    return tuple(events.open_room(room) for room in rooms)

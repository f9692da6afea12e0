"""An entry of the journal, and the one place that decides whether it can be delivered.

Any program may write rows into the table, and not every database refuses a row that is no event.
Such a row keeps its position, so that later events do not wait, and every reader has a blank entry
in its place, which is delivered to nobody. The sequencer, which sees each row once, keeps the
reason (table `ordercast_set_aside`, `flask ordercast doctor`).
"""

from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from ordercast.complaints import sentence_of
from ordercast.events import CONTROL, CONTROL_ROOM, MAX_ROOM_CHARACTERS, RESERVED

MAX_REASON_CHARACTERS = 300


class Entry(NamedTuple):
    """One sequenced event; `data` is JSON text."""

    position: int
    room: str
    name: str
    data: str
    further: tuple[str, ...] = ()  # its rooms besides `room`

    @property
    def rooms(self) -> tuple[str, ...]:
        """All of its rooms."""
        return (self.room, *self.further)

    @property
    def is_blank(self) -> bool:
        """Whether the entry stands for a row that cannot be delivered."""
        return not self.name


def blank(position: int) -> Entry:
    return Entry(position, "", "", "null")


def fault(room: object, name: object, data: object, further: object = None) -> str | None:
    """Why an entry cannot be delivered, in printable ASCII; None if it can. `further`: a list of
    rooms, or None."""
    if not (isinstance(room, str) and isinstance(name, str) and isinstance(data, str)):
        return "room, name and data are texts"
    if further is not None and (reason := _rooms_fault(room, further)) is not None:
        return reason
    if room == CONTROL_ROOM:
        return _printable(_control_fault(name, data))
    if not room or not name:
        return "it has no name" if room else "it has no room"
    if name in RESERVED:
        return f"a client closes its connection at an event named {name}"
    try:
        room.encode()
        name.encode()
        orjson.loads(data)
    except UnicodeEncodeError:
        return "room or name is not UTF-8"
    except orjson.JSONDecodeError as exc:
        return _printable(f"data is not JSON: {exc}")
    return None


def _rooms_fault(room: str, further: object) -> str | None:
    if not (isinstance(further, list) and all(map(_may_be_further, further))):
        return "the further rooms are no list of rooms"
    if CONTROL_ROOM in (room, *further):
        return "a control event has further rooms"
    try:
        "".join(further).encode()
    except UnicodeEncodeError:
        return "a further room is not UTF-8"
    return None


def _may_be_further(room: object) -> bool:
    """Whether the database has kept a position for this room, if it is a further one."""
    return isinstance(room, str) and 0 < len(room) <= MAX_ROOM_CHARACTERS and "\0" not in room


def _control_fault(name: str, data: str) -> str | None:
    kind = CONTROL.get(name)
    if kind is None:
        return f"no process knows the control event {name!r}"
    try:
        kind.model_validate_json(data)
    except ValidationError as exc:
        return sentence_of(exc, "data")
    except UnicodeEncodeError:
        return "data is not UTF-8"
    return None


def _printable(reason: str | None) -> str | None:
    """The reason in printable ASCII, for every database, log and terminal."""
    if reason is None:
        return None
    return ascii(reason[:MAX_REASON_CHARACTERS])[1:-1][:MAX_REASON_CHARACTERS]


def read(position: int, room: object, name: object, data: object, further: object = None) -> Entry:
    """The entry of a row; a blank one if it cannot be delivered."""
    if fault(room, name, data, further) is not None:
        return blank(position)
    return entry_of(position, room, name, data, further)


def entry_of(position: int, room: Any, name: Any, data: Any, further: Any) -> Entry:
    """The entry of a row without fault."""
    if not further:
        return Entry(position, room, name, data)
    others = tuple(one for one in dict.fromkeys(further) if one != room)
    return Entry(position, room, name, data, others)

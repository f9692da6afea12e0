"""An entry of the journal, and the one place that decides whether it can be delivered.

Any program may write rows into the table, and not every database refuses a row that is no event.
Such a row keeps its position, so that later events do not wait, and every reader has a blank entry
in its place, which is delivered to nobody. The sequencer, which sees each row once, keeps the
reason (table `ordercast_set_aside`, `flask ordercast doctor`).
"""

from typing import NamedTuple

import orjson
from pydantic import ValidationError

from ordercast.complaints import sentence_of
from ordercast.events import CONTROL, CONTROL_ROOM, RESERVED

MAX_REASON_CHARACTERS = 300


class Entry(NamedTuple):
    """One sequenced event; `data` is JSON text."""

    position: int
    room: str
    name: str
    data: str

    @property
    def is_blank(self) -> bool:
        """Whether the entry stands for a row that cannot be delivered."""
        return not self.name


def blank(position: int) -> Entry:
    return Entry(position, "", "", "null")


def fault(room: object, name: object, data: object) -> str | None:
    """Why an entry cannot be delivered, in printable ASCII; None if it can."""
    if not (isinstance(room, str) and isinstance(name, str) and isinstance(data, str)):
        return "room, name and data are texts"
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


def read(position: int, room: object, name: object, data: object) -> Entry:
    """The entry of a row or a message; a blank one if it cannot be delivered."""
    if fault(room, name, data) is not None:
        return blank(position)
    return Entry(position, room, name, data)  # type: ignore[arg-type]

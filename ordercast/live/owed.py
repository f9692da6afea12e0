"""The events that a client is owed: those of each of its rooms, from a position of the room's own.

A client is in the rooms of its connect since it got its pid, and in others since it joined them
(ordercast/joined). Both may be left and joined again. Nothing here asks anybody: given are the
rooms that this connect has entered, and the rows of the client.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ordercast.events import CONTROL_ROOM, EVERYBODY, MAX_ROOM_CHARACTERS
from ordercast.joined import Joined

OWN = frozenset({CONTROL_ROOM, EVERYBODY})  # of the library, which nobody joins


class Span(NamedTuple):
    """A stretch of the journal: after < position <= until."""

    after: int
    until: int
    rooms: Sequence[str]  # whose events in it are owed


@dataclass(frozen=True, slots=True)
class Owed:
    since: dict[str, int]  # room: the position after which its events are owed
    late: list[str]  # the rooms among them that this connect has not entered
    rejoined: dict[str, int]  # rooms that the client had left, and this connect has entered: where
    signed: list[str]  # the rooms of the connect that got the pid, if it is this client's


def has_events(room: object) -> bool:
    """Whether events of the journal can go to this room. Handlers may join others."""
    return isinstance(room, str) and 0 < len(room) <= MAX_ROOM_CHARACTERS and room not in OWN


def owed(entered: Mapping[str, int], rows: Mapping[str, Joined], after: int) -> Owed:
    """`entered`: the rooms of this connect, and the position at which each was entered. `after`:
    up to which position the client has the events of the rooms in which it was."""
    since = {room: after for room in entered if room not in rows}
    rejoined = {
        room: entered[room] for room in entered if room in rows and not rows[room].is_joined
    }
    since.update(rejoined)
    since.update({room: max(after, row.position) for room, row in rows.items() if row.is_joined})
    return Owed(
        since=since,
        late=[room for room in since if room not in entered],
        rejoined=rejoined,
        signed=_signed(entered, rows),
    )


def _signed(entered: Iterable[str], rows: Mapping[str, Joined]) -> list[str]:
    signed = {room for room in entered if room not in rows or rows[room].from_connect}
    return [*signed.union(room for room, row in rows.items() if row.from_connect)]


def spans(since: Mapping[str, int], until: int) -> list[Span]:
    """The journal up to `until`, divided where a room begins to be owed, oldest first."""
    starts = sorted({position for position in since.values() if position < until})
    return [
        Span(start, end, [room for room, position in since.items() if position <= start])
        for start, end in zip(starts, [*starts[1:], until], strict=bool(starts))
    ]

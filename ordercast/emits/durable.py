"""Which of Flask-SocketIO's emits become durable: those whose name matches ORDERCAST_DURABLE.

An emit from outside is seen by all web processes and workers, and each has to decide alike: a web
process leaves it to the worker, or sends it, as ever, to its own clients. So the decision depends
on the message, the settings and the declared events alone.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from fnmatch import translate
from typing import Any, NamedTuple

from ordercast.errors import EventError
from ordercast.events import EVERYBODY, RESERVED, Event, Events
from ordercast.payloads import JsonText, encode

logger = logging.getLogger(__name__)
NAMESPACE = "/"
STAYS = "stays"  # in a message of the queue: its sender has decided that it is not durable
MAX_LOGGED = 1000  # different lines of one process


class DurableEmit(NamedTuple):
    """What the journal gets of an emit."""

    room: str
    name: str
    data: JsonText
    further: tuple[str, ...] = ()  # its rooms besides `room`


class Durable:
    """The rule of one application. `patterns` as fnmatch has them; none: no emit is durable."""

    def __init__(self, patterns: Sequence[str], events: Events) -> None:
        self._pattern = re.compile("|".join(map(translate, patterns)) or r"(?!)")
        self._events = events
        self._logged: set[tuple[str, str]] = set()

    def matches(self, name: object) -> bool:
        return isinstance(name, str) and self._pattern.match(name) is not None

    def read(self, message: Mapping[str, Any]) -> DurableEmit | None:
        """The event that an emit becomes, {event, data, namespace, room, skip_sid, binary,
        callback, stays} as the queue has it; None if it stays as it was."""
        name = message["event"]
        if not self.matches(name) or message.get(STAYS):
            return None
        reason = _reason_to_stay(message)
        if reason is None:
            try:
                return self._event(name, message["room"], message["data"][0])
            except (EventError, TypeError, ValueError) as exc:
                reason = str(exc)
        self.log(name, reason)
        return None

    def log(self, name: str, reason: str) -> None:
        """Log once why an emit of a name that is durable is not."""
        line = (name, reason)
        if line in self._logged or len(self._logged) >= MAX_LOGGED:
            return
        self._logged.add(line)
        extra = {"event": name, "reason": reason}
        logger.warning("an emit is not durable, and sent as it was", extra=extra)

    def _event(self, name: str, to: str | list[str] | None, payload: object) -> DurableEmit:
        declared = self._events.declared(name)
        if declared is not None:
            payload = declared.of(payload).wire()
        room, *further = (EVERYBODY,) if to is None else self._rooms(declared, to)
        return DurableEmit(room, name, encode(payload), tuple(further))

    def _rooms(self, declared: type[Event] | None, to: str | list[str]) -> list[str]:
        given = [to] if isinstance(to, str) else to
        if EVERYBODY in given:
            raise ValueError(f"in the journal the room {EVERYBODY} is everybody")
        rooms = self._events.rooms(declared, given)
        if not set(rooms) <= set(given):
            raise ValueError(f"it is declared for the rooms {declared and declared.audience}:...")
        return rooms


def _reason_to_stay(message: Mapping[str, Any]) -> str | None:
    if message["event"] in RESERVED:
        return "no client receives it"
    if (message.get("namespace") or NAMESPACE) != NAMESPACE:
        return "it goes to another namespace"
    if message.get("skip_sid"):
        return "it leaves clients out: skip_sid, or include_self=False"
    if message.get("callback"):
        return "it asks for an acknowledgement"
    if message.get("binary"):
        return "it has bytes"
    arguments = message["data"]
    if not isinstance(arguments, list) or len(arguments) != 1:
        return "it has several arguments, or none"
    room = message.get("room")
    rooms = room if isinstance(room, list) else [room]
    if room is not None and not all(isinstance(one, str) for one in rooms):
        return "its room is no text"
    return None

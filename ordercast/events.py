"""Events: the base class of those that a service declares, and the registry that the library is
handed.

    class ParcelMoved(Event):
        event = "parcel:moved"  # the name on the wire
        audience = "user"       # the room is `user:{id}`
        summary = "A parcel of the user's is somewhere else now."

        id: str
        place: str

    cast.init_app(app, socketio, engine=..., events=[ParcelMoved])

A service that declares no event sends any name to any room.
"""

from collections.abc import Iterable, Iterator
from string import Formatter
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from ordercast.errors import InvalidEvent, Refused
from ordercast.payloads import JsonText

CONTROL_ROOM = "control"  # of events for the web processes themselves; no client can join
EVERYBODY = "*"  # the room of all clients on `/`
PROOF = "ordercast:proof"  # an event of `flask ordercast prove`, which no service declares
RESERVED = frozenset(  # socket.io-parser closes the connection at an event with such a name
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
MAX_RECEIVER_CHARACTERS = 200  # of an id: as long as a token's subject
MAX_ROOM_CHARACTERS = 255
MAX_ROOMS = 1000  # of one event
MAX_EVENT_NAME_CHARACTERS = 255  # of an event that is not declared
KIND = r"^[a-z_]{1,16}$"  # of a revocation


class Wire(BaseModel):
    """A payload that is sent as JSON: camelCase on the wire, snake_case in Python."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        from_attributes=True,
        coerce_numbers_to_str=True,  # an external script may hold its ids as numbers
        frozen=True,
    )

    def wire(self) -> dict[str, Any]:
        """The payload as plain JSON types, with exactly the declared keys."""
        return self.model_dump(mode="json", by_alias=True)

    def text(self) -> JsonText:
        """The same as JSON text. Raises ValueError."""
        return JsonText(self.model_dump_json(by_alias=True))


class Event(Wire):
    """A durable event: `event` is the name that clients listen for, `audience` the prefix of its
    rooms. Without an audience the event goes to any room. `key_format` says by its fields what the
    event is about, `order:{id}`: the key by which `trace` finds it."""

    event: ClassVar[str]
    audience: ClassVar[str] = ""
    key_format: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    @classmethod
    def of(cls, payload: object) -> Self:
        """The event of a mapping, or of any object with the declared attributes. Raises
        InvalidEvent."""
        try:
            return cls.model_validate(payload)
        except ValidationError as exc:
            raise InvalidEvent(cls.event, exc) from exc


def subject_of(event: Event) -> str | None:
    """The event's key; None if its class has none. A function: a payload may have any name."""
    return event.key_format.format_map(vars(event)) if event.key_format else None


class Events:
    """The events that a service declares. Raises ValueError for a name that is declared twice, or
    that no client can receive, for an audience that is no prefix, and for a `key_format` with
    another field than the event's."""

    def __init__(self, declared: Iterable[type[Event]] = ()) -> None:
        self._all = tuple(declared)
        self._by_name = {event.event: event for event in self._all}
        # In the order of their declaration.
        self.audiences = tuple(dict.fromkeys(e.audience for e in self._all if e.audience))
        # Prefixes of rooms: an id that begins with one is refused, and not taken for a room.
        self._prefixes = frozenset({*self.audiences, CONTROL_ROOM})
        if len(self._by_name) < len(self._all):
            raise ValueError("an event's name is declared twice")
        if unheard := RESERVED & self._by_name.keys():
            raise ValueError(f"no client receives an event named {', '.join(sorted(unheard))}")
        if any(":" in audience or audience == CONTROL_ROOM for audience in self.audiences):
            raise ValueError(f"an audience is a word without a colon, and not {CONTROL_ROOM!r}")
        for each in self._all:
            _check_key_format(each)

    def __iter__(self) -> Iterator[type[Event]]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def declared(self, name: str) -> type[Event] | None:
        """The event of this name; None where the service declares none at all, and of a proof.
        Raises Refused."""
        event = self._by_name.get(name)
        if event is None and self._all and name != PROOF:
            raise Refused(f"no such event: {name[:100]!r}; one of {', '.join(self._by_name)}")
        if event is None:
            _check_open_name(name)
        return event

    def room(self, event: type[Event] | None, to: object) -> str:
        """The room that an event goes to. `to`: an id, or a room of the event's own audience,
        `user:7`, which an id that looks like a room needs: `user:seller:7`; for an event without
        an audience, the room as it stands. Raises Refused for any other receiver."""
        if event is None or not event.audience:
            return self.open_room(to)
        if type(to) is int:
            return f"{event.audience}:{to}"
        if not isinstance(to, str | UUID):
            raise Refused(f"the receiver of {event.event} is an id, not {to!r:.100}")
        text = str(to)
        prefix, colon, rest = text.partition(":")
        is_room = bool(colon) and prefix == event.audience
        id = rest if is_room else text
        if not (0 < len(id) <= MAX_RECEIVER_CHARACTERS and id.isprintable() and id == id.strip()):
            raise Refused(
                f"the receiver's id has 1 to {MAX_RECEIVER_CHARACTERS} printable characters,"
                f" and no space around it: {text!r:.250}"
            )
        if not is_room and self.looks_like_room(text):
            raise Refused(
                f"{event.event} goes to a {event.audience}: an id or {event.audience}:id,"
                f" not {text!r}"
            )
        return f"{event.audience}:{id}"

    def rooms(self, event: type[Event] | None, to: object) -> list[str]:
        """As room(), for a receiver or a list of receivers: each room once. Raises Refused."""
        if not isinstance(to, list | tuple | set | frozenset):
            return [self.room(event, to)]
        rooms = list(dict.fromkeys(self.room(event, receiver) for receiver in to))
        if not 0 < len(rooms) <= MAX_ROOMS:
            raise Refused(f"an event goes to 1 to {MAX_ROOMS} rooms, not to {len(rooms)}")
        return rooms

    def looks_like_room(self, id: str) -> bool:
        """Whether the id begins as a room does, and has to be given as one: `user:seller:7`."""
        return id.partition(":")[0].strip().casefold() in self._prefixes

    def open_room(self, to: object) -> str:
        """The room of this name. Raises Refused."""
        if not (isinstance(to, str) and 0 < len(to) <= MAX_ROOM_CHARACTERS and to.isprintable()):
            raise Refused(
                f"a room has 1 to {MAX_ROOM_CHARACTERS} printable characters: {to!r:.250}"
            )
        if to == CONTROL_ROOM:
            raise Refused(f"the room {CONTROL_ROOM!r} is the service's own")
        return to


def _check_key_format(event: type[Event]) -> None:
    """Raises ValueError unless each field of the key is one of the event's."""
    fields = [name for _, name, _, _ in Formatter().parse(event.key_format) if name is not None]
    if unknown := [name for name in fields if name not in event.model_fields]:
        raise ValueError(f"{event.event} has no field {unknown[0]!r}, which its key_format names")


def _check_open_name(name: str) -> None:
    """Check the name of an event that is not declared. Raises Refused."""
    if not (0 < len(name) <= MAX_EVENT_NAME_CHARACTERS and name.isprintable()):
        raise Refused(
            f"an event's name has 1 to {MAX_EVENT_NAME_CHARACTERS} printable characters:"
            f" {name!r:.250}"
        )
    if name in RESERVED:
        raise Refused(f"no client receives an event named {name}")


class Revoked(Wire):
    """A control event: tokens were revoked, their connections close."""

    kind: Annotated[str, StringConstraints(pattern=KIND)]
    value: str
    at: AwareDatetime
    detail: str | None = None


class Disconnect(Wire):
    """A control event: the connections that a user has now close."""

    user_id: str
    at: AwareDatetime | None = None


class Canary(Wire):
    """A control event that nothing follows from: by it each process measures how long an event
    takes. `at`: its commit, by the database's clock."""

    at: AwareDatetime


CANARY = "canary"
CONTROL: dict[str, type[Wire]] = {"revoked": Revoked, "disconnect": Disconnect, CANARY: Canary}

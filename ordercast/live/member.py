"""A client in one namespace, and its state."""

from enum import IntEnum
from typing import Any

from ordercast.live.connections import Connection
from ordercast.transport.backlog import Backlog

NAMESPACE = "/"  # of the journal's events
UNSETTLED = (
    2**63
)  # above every position: events of the journal pass the client by until it is known


class State(IntEnum):
    """
    CONNECTING ──CONNECT──▶ REPLAYING ──all taken──▶ LIVE
         │                      │                      │
         │                      └──────────┬───────────┘
      refused                      client or server disconnects
         ▼                                 ▼
      (forgotten)                       LEAVING ──▶ (forgotten)

    Events wait from begin_backlog() until LIVE, in one backlog; before it a client gets none.
    """

    CONNECTING = 0  # its CONNECT is not answered yet
    REPLAYING = (
        1  # CONNECT is sent; what the client missed, and what waits behind it, is on its way
    )
    LIVE = 2
    LEAVING = 3  # its disconnect handlers run


CONNECTED = frozenset({State.REPLAYING, State.LIVE})


class Member:
    __slots__ = ("backlog", "connection", "eio_sid", "rooms", "seen", "session", "sid", "state")

    def __init__(self, sid: str, eio_sid: str, session: Any) -> None:
        self.sid = sid
        self.eio_sid = eio_sid
        self.session = session  # its Engine.IO session
        self.connection: Connection | None = None  # once its identity is known, in `/`
        # Kept here and not in the connection: a fan-out reads these for each recipient.
        self.seen = 0  # the position up to which the client has its rooms' events, or needs none
        self.backlog: Backlog | None = None  # the events that wait
        self.state = State.CONNECTING
        self.rooms: tuple[str, ...] = ()  # without its own room, named like its sid

    def identified(self, connection: Connection) -> None:
        self.connection = connection

    def begin_backlog(self, *, seen: int = 0) -> None:
        """Let events wait from now on, of the journal those after position `seen`; drop those that
        waited before."""
        self.seen, self.backlog = seen, Backlog()

    def settle(self, seen: int) -> None:
        """The client needs events of the journal after position `seen`."""
        self.seen = seen

    def drop_backlog(self) -> None:
        """The session of a client that is too slow is about to end."""
        self.backlog = None

    def connected(self) -> None:
        """CONNECT is sent."""
        self.state = State.LIVE if self.backlog is None else State.REPLAYING

    def caught_up(self) -> None:
        """All that waited is sent."""
        self.state, self.backlog = State.LIVE, None

    def leaving(self) -> None:
        self.state, self.backlog = State.LEAVING, None

    def entered(self, room: str) -> None:
        self.rooms = (*self.rooms, room)

    def left(self, room: str) -> None:
        self.rooms = tuple(name for name in self.rooms if name != room)

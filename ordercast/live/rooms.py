"""Rooms: which clients are in which, in this process.

In the place of python-socketio's storage, whose dictionaries take 3 KB for each client, and which
goes through every room of the process when one client leaves.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from socketio.pubsub_manager import PubSubManager

from ordercast.live.closing import leave
from ordercast.live.member import CONNECTED, NAMESPACE, UNSETTLED, Member, State

CONNECTING, LIVE = State.CONNECTING, State.LIVE


class Space:
    """One namespace."""

    __slots__ = ("by_eio_sid", "members", "rooms")

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.by_eio_sid: dict[str, Member] = {}
        # The client itself for a room with one, as most have: a set takes 200 bytes more.
        self.rooms: dict[str, Member | set[Member]] = {}

    def room(self, name: Any) -> Sequence[Member]:
        if name is None:
            return tuple(self.members.values())
        found = self.rooms.get(name)
        if found is None:
            own = self.members.get(name)
            return () if own is None else (own,)
        return (found,) if isinstance(found, Member) else tuple(found)

    def enter(self, member: Member, name: str) -> None:
        if name in member.rooms:
            return
        found = self.rooms.get(name)
        if found is None:
            self.rooms[name] = member
        elif isinstance(found, Member):
            self.rooms[name] = {found, member}
        else:
            found.add(member)
        member.entered(name)

    def leave(self, member: Member, name: str) -> None:
        if name not in member.rooms:
            return
        member.left(name)
        found = self.rooms[name]
        if isinstance(found, set):
            found.discard(member)
        if not found or found is member:
            del self.rooms[name]


class RoomManager(PubSubManager):
    """python-socketio's manager interface, on this storage, of one process alone."""

    name = "ordercast"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._spaces: dict[str, Space] = {}

    def initialize(self) -> None:
        """Do nothing, so that a second connection sees nothing half done."""

    def _publish(self, data: dict[str, Any]) -> None:
        """Do nothing: there is no other process to tell."""

    def get_namespaces(self) -> list[str]:
        return list(self._spaces)

    def is_anyone_in(self, namespace: str, room: Any) -> bool:
        """False when no client of the room is connected to this process."""
        space = self._spaces.get(namespace)
        if space is None:
            return False
        return not isinstance(room, str) or room in space.rooms or room in space.members

    def is_anyone_in_any(self, namespace: str, rooms: Iterable[str]) -> bool:
        """False when no client of the rooms is connected to this process."""
        space = self._spaces.get(namespace)
        if space is None:
            return False
        are_empty = space.rooms.keys().isdisjoint(rooms)
        return not (are_empty and space.members.keys().isdisjoint(rooms))

    def members(self, namespace: str, room: Any) -> Sequence[Member]:
        """The clients in the room, or in any of a list of rooms, each once."""
        space = self._spaces.get(namespace)
        if space is None:
            return ()
        if isinstance(room, list | tuple):
            return tuple({member: None for name in room for member in space.room(name)})
        return space.room(room)

    def recipients(self, namespace: str, room: Any) -> list[Member]:
        """The clients in the room that get events, or for which events wait."""
        return [
            member
            for member in self.members(namespace, room)
            if member.state is LIVE or member.backlog is not None
        ]

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        for member in self.members(namespace, room):
            yield member.sid, member.eio_sid

    def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        space = self._spaces.setdefault(namespace, Space())
        if eio_sid in space.by_eio_sid:
            return None
        sid: str = self.server.eio.generate_id()
        member = Member(sid, eio_sid, self.server.eio.sockets.get(eio_sid))
        space.members[sid] = space.by_eio_sid[eio_sid] = member
        return sid

    def begin(self, eio_sid: str, namespace: str) -> Member:
        """Add a client that asks to be connected; its session is not in the namespace yet."""
        member = self.member(self.pre_connect(eio_sid, namespace), namespace)
        assert member is not None
        return member

    def end(self, member: Member, namespace: str) -> None:
        """Remove a client that was not let in, and whose transport stays."""
        self.disconnect(member.sid, namespace, ignore_queue=True)

    def connect(self, sid: str, namespace: str) -> str:
        member = self.member(sid, namespace)
        if member is not None:
            member.connected()
        return sid

    def is_connected(self, sid: str, namespace: str) -> bool:
        member = self.member(sid, namespace)
        return member is not None and member.state in CONNECTED

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        """Whether the client's connect handler may run, and enter rooms."""
        member = self.member(sid, namespace)
        return member is not None and member.state is CONNECTING

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        space = self._spaces.get(namespace)
        member = None if space is None else space.by_eio_sid.get(eio_sid)
        return None if member is None else member.sid

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        member = self.member(sid, namespace)
        return None if member is None else member.eio_sid

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        member = self.member(sid, namespace)
        if member is None:
            return None
        member.leaving()
        return member.eio_sid

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        member = self.member(sid, namespace)
        if member is None:
            return
        space = self._spaces[namespace]
        for room in member.rooms:
            space.leave(member, room)
        del space.members[sid]
        space.by_eio_sid.pop(member.eio_sid, None)
        if not space.members:
            del self._spaces[namespace]
        self.callbacks.pop(sid, None)
        if not self._is_in_any(member.eio_sid):
            leave(member.session)

    def _is_in_any(self, eio_sid: str) -> bool:
        """Whether the client of the session is connected to any namespace."""
        members = (space.by_eio_sid.get(eio_sid) for space in self._spaces.values())
        return any(member is not None and member.state in CONNECTED for member in members)

    def basic_enter_room(
        self, sid: str, namespace: str, room: str, eio_sid: str | None = None
    ) -> None:
        """Raises ValueError for a client that is not there, and for another's own room."""
        member = self.member(sid, namespace)
        if member is None:
            raise ValueError("sid is not connected to requested namespace")
        space = self._spaces[namespace]
        if room != sid:
            if room in space.members:
                raise ValueError("cannot enter a sid room")
            space.enter(member, room)

    def enter_with_backlog(self, member: Member, rooms: Sequence[str]) -> None:
        """Let the client into the rooms; from now on events wait, those of the journal once its
        position is settled."""
        member.begin_backlog(seen=UNSETTLED)
        for room in rooms:
            self.basic_enter_room(member.sid, NAMESPACE, room)

    def change_rooms(self, sid: str, before: Sequence[str], now: Sequence[str]) -> None:
        """Let the client leave rooms of its old token only, and enter those of its new one only."""
        for room in set(before) - set(now):
            self.basic_leave_room(sid, NAMESPACE, room)
        for room in set(now) - set(before):
            self.basic_enter_room(sid, NAMESPACE, room)

    def basic_leave_room(self, sid: str, namespace: str, room: str) -> None:
        member = self.member(sid, namespace)
        if member is not None:
            self._spaces[namespace].leave(member, room)

    def basic_close_room(self, room: str, namespace: str) -> None:
        """Raises ValueError for a client's own room."""
        space = self._spaces.get(namespace)
        if space is None:
            return
        if room in space.members:
            raise ValueError("cannot close a sid room")
        for member in space.room(room):
            space.leave(member, room)

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        member = self.member(sid, namespace)
        return [] if member is None else [sid, *member.rooms]

    def member(self, sid: str | None, namespace: str) -> Member | None:
        """The client, if it is there."""
        space = self._spaces.get(namespace)
        return None if space is None or sid is None else space.members.get(sid)

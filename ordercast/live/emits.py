"""Emits to the clients of this process: of the journal, of handlers, and of the queue.

An event is sent to a client, or to its backlog, and never sent before CONNECT (delivery.py).
"""

from base64 import b64decode
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from socketio.packet import Packet

from ordercast.events import EVERYBODY
from ordercast.journal import Entry
from ordercast.live.connections import Connection
from ordercast.live.delivery import Delivery
from ordercast.live.member import NAMESPACE, Member
from ordercast.live.rooms import RoomManager


class EmitManager(RoomManager):
    """A client manager without a queue: its emits reach the clients of this process."""

    def __init__(self, delivery: Delivery, **options: Any) -> None:
        super().__init__(**options)
        self._delivery = delivery
        # Of rooms that clients joined ahead of the follower: the position after which each gets
        # their events. Mostly empty.
        self._begins: dict[Member, dict[str, int]] = {}

    def hosts(self, rooms: Collection[str]) -> bool:
        """Whether events of any of these rooms are for a client of this process."""
        return EVERYBODY in rooms or self.is_anyone_in_any(NAMESPACE, rooms)

    def emit_entry(self, entry: Entry) -> None:
        """Send a durable event to the clients of its rooms, to each once."""
        rooms: str | Sequence[str] | None = entry.rooms if entry.further else entry.room
        if entry.room == EVERYBODY or EVERYBODY in entry.further:
            rooms = None
        recipients = self.recipients(NAMESPACE, rooms)
        if self._begins:
            recipients = self._begun(recipients, entry)
        self._delivery.send_entry(recipients, entry)

    def settle(self, member: Member, seen: int, since: Mapping[str, int]) -> None:
        """Let the client into these rooms, as far as it is not in them, and their events wait:
        those after position `seen`, and after the position of the room. Nothing is fanned out
        meanwhile."""
        self._delivery.settle(member, seen)
        self.enter(member, seen, since)

    def enter(self, member: Member, last: int, since: Mapping[str, int]) -> None:
        """Let the client into these rooms, whose events it gets after position `last`, and after
        the position of the room. Nothing is fanned out meanwhile."""
        for room, position in since.items():
            self.basic_enter_room(member.sid, NAMESPACE, room)
            if position > last:
                self._begins.setdefault(member, {})[room] = position
                if member.connection is not None and member.connection.pid:
                    member.connection.entered(room, position)

    def basic_enter_room(
        self, sid: str, namespace: str, room: str, eio_sid: str | None = None
    ) -> None:
        connection = self._settled(sid, namespace, room, is_in=False)
        super().basic_enter_room(sid, namespace, room, eio_sid)
        if connection is not None and room != sid:
            connection.entered(room, self._delivery.position)

    def basic_leave_room(self, sid: str, namespace: str, room: str) -> None:
        connection = self._settled(sid, namespace, room, is_in=True)
        super().basic_leave_room(sid, namespace, room)
        if connection is not None:
            connection.left(room, self._delivery.position)

    def basic_close_room(self, room: str, namespace: str) -> None:
        leaving = [
            self._settled(member.sid, namespace, room, is_in=True)
            for member in self.members(namespace, room)
        ]
        super().basic_close_room(room, namespace)
        for connection in leaving:
            if connection is not None:
                connection.left(room, self._delivery.position)

    def _settled(self, sid: str, namespace: str, room: str, *, is_in: bool) -> Connection | None:
        """The connection of a client that was let in before, and is in the room or not: the ledger
        is told of the rooms that it joins and leaves later."""
        member = self.member(sid, namespace)
        connection = None if member is None else member.connection
        if member is None or connection is None or not connection.pid:
            return None
        return connection if (room in member.rooms) is is_in else None

    def _begun(self, recipients: list[Member], entry: Entry) -> list[Member]:
        """Those of the recipients that are in a room of the event and owed its events by now."""
        position = entry.position
        begun = [one for one in recipients if self._is_begun(one, entry)]
        ahead = {
            member: {room: begin for room, begin in begins.items() if begin > position}
            for member, begins in self._begins.items()
        }
        self._begins = {member: begins for member, begins in ahead.items() if begins}
        return begun

    def _is_begun(self, member: Member, entry: Entry) -> bool:
        begins = self._begins.get(member)
        if begins is None:
            return True
        return any(
            begins.get(room, 0) < entry.position
            for room in entry.rooms
            if room in (EVERYBODY, member.sid) or room in member.rooms
        )

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str | None = None,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        **kwargs: Any,
    ) -> None:
        """Emit to the clients of all processes; with `ignore_queue=True` of this process alone."""
        if kwargs.get("ignore_queue"):
            self._emit_here(
                event, _arguments(data), namespace or NAMESPACE, to or room, skip_sid, callback
            )
        else:
            super().emit(event, data, namespace, to or room, skip_sid, callback)

    def emit_here(self, event: str, data: Any, room: str | None) -> None:
        """Emit to the clients of this process alone, on `/`."""
        self._emit_here(event, _arguments(data), NAMESPACE, room, None, None)

    def _handle_emit(self, message: dict[str, Any]) -> None:
        """Send an emit of this process or another, in the queue's format: {event, data, namespace,
        room, skip_sid, binary, callback, host_id}."""
        namespace = message.get("namespace") or NAMESPACE
        room = message.get("room")
        data = message["data"]
        if message.get("binary"):
            data = Packet.reconstruct_binary(data[0], [b64decode(part) for part in data[1:]])
        arguments = data if isinstance(data, list) else [data]
        answer_to = message.get("callback")
        callback = None
        if answer_to:
            callback = partial(self._return_callback, message.get("host_id"), *answer_to)
        skip = message.get("skip_sid")
        self._emit_here(message["event"], arguments, namespace, room, skip, callback)

    def _emit_here(
        self,
        event: str,
        arguments: list[Any],
        namespace: str,
        room: Any,
        skip: str | list[str] | None,
        callback: Callable[..., Any] | None,
    ) -> None:
        recipients = self.recipients(namespace, room)
        if skip:
            skipped = skip if isinstance(skip, list) else [skip]
            recipients = [member for member in recipients if member.sid not in skipped]
        packet = [event] if arguments == [None] else [event, *arguments]
        if callback is None:
            self._delivery.send_ephemeral(recipients, packet, namespace=namespace)
            return
        for recipient in recipients:
            ack_id = self._generate_ack_id(recipient.sid, callback)
            self._delivery.send_one(recipient, packet, namespace=namespace, ack_id=ack_id)


def _arguments(data: Any) -> list[Any]:
    return list(data) if isinstance(data, tuple) else [data]

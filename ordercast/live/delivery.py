"""Delivery: an event is encoded once and handed to each recipient's session, or to its backlog.

Events wait in the one backlog of a client, `Member.backlog`, so that the client gets CONNECT, then
what it missed, then what waited, then live events.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from socketio import packet

from ordercast.endings import ServiceEnding
from ordercast.journal import Entry
from ordercast.live.closing import close
from ordercast.live.member import NAMESPACE, UNSETTLED, Member, State
from ordercast.live.missed import PIECE_BYTES
from ordercast.transport.backlog import Backlog
from ordercast.transport.packets import Packet, message

MAX_WAITING_PACKETS = 10_000  # of one client: a small packet costs more than its bytes


@dataclass(frozen=True, slots=True)
class Sending:
    """The functions that hand packets to Engine.IO sessions; neither of them blocks."""

    # The same packets to each session; a session that has ended gets none.
    send_all: Callable[[Sequence[Any], Sequence[Packet]], None]
    # To one session -> whether they are taken; else the last argument is called when they are.
    send_piece: Callable[[Any, Sequence[Packet], Callable[[], None]], bool]


class Unplaced(Packet):
    """An event that waits for a client whose position is not known yet, and is to end with it."""

    __slots__ = ()

    def __init__(self, packet: Packet) -> None:
        self.data, self.frame = packet.data, packet.frame


def _placed(packet: Packet, position: int) -> Packet:
    if not isinstance(packet, Unplaced):
        return packet
    assert isinstance(packet.data, str)
    return Packet(f'{packet.data.removesuffix("]")},"{position}"]')


class Delivery:
    """`packet_class`: of the Socket.IO server. `max_backlog_bytes`: of the events that wait for one
    client; 0 is no limit. `has_journal`: whether this process follows it, and clients keep an
    offset; not in an application's own tests."""

    def __init__(
        self,
        sending: Sending,
        *,
        packet_class: type[packet.Packet],
        max_backlog_bytes: int,
        has_journal: Callable[[], bool] = lambda: True,
    ) -> None:
        # One sender at a time: a client gets its events in order, and none in between its replay
        # and its live events. Nothing blocks while holding this lock.
        self._lock = threading.RLock()
        self._send_all = sending.send_all
        self._send_piece = sending.send_piece
        self._packet_class = packet_class
        self._max_backlog_bytes = max_backlog_bytes
        self._has_journal = has_journal
        self._position = 0  # up to which the journal was sent to its recipients

    @property
    def position(self) -> int:
        """Up to which the journal was sent to its recipients."""
        return self._position

    def restart(self) -> None:
        """Forget the position, as the journal does not go on: a position of before must not become
        the offset of a client that connects from now on."""
        with self._lock:
            self._position = 0

    def settle(self, member: Member, seen: int) -> None:
        """Let events of the journal after position `seen` wait for the client from now on, behind
        those that wait already, which get their offset: it is `seen`, as all that the client
        missed is sent before."""
        with self._lock:
            member.settle(seen)
            if member.backlog is not None:
                member.backlog.replace(lambda packet: _placed(packet, seen))

    def send_entry(self, recipients: Iterable[Member], entry: Entry) -> None:
        """Send a durable event, with its offset as the last argument."""
        position = entry.position
        with self._lock:
            self._position = position
            # A client can have this event from another process, which was further than this one.
            new = [member for member in recipients if member.seen < position]
            if new:
                self._send(new, (durable(entry),))

    def note_position(self, position: int) -> None:
        """All events of the journal up to this position are sent, or for nobody here."""
        with self._lock:
            self._position = position

    def send_ephemeral(
        self, recipients: Sequence[Member], arguments: Sequence[Any], *, namespace: str
    ) -> None:
        """Send an event that is not in the journal: [name, ...].

        The client takes a last argument that is a string for its offset, and without arguments
        the name itself. So such an event ends with the offset that the client has: the last
        durable position, and never a lower one than the client's own.
        """
        with self._lock:
            if not (isinstance(arguments[-1], str) and self._has_journal()):
                self._send(recipients, self._encode(arguments, namespace))
                return
            by_offset: dict[int | None, list[Member]] = {}
            for member in recipients:
                offset = None if member.connection is None else max(self._position, member.seen)
                by_offset.setdefault(offset, []).append(member)
            for offset, members in by_offset.items():
                if offset == UNSETTLED:
                    first, *attachments = self._encode(arguments, namespace)
                    self._send(members, (Unplaced(first), *attachments))
                else:
                    extra = () if offset is None else (str(offset),)
                    self._send(members, self._encode([*arguments, *extra], namespace))

    def send_one(
        self, recipient: Member, arguments: Sequence[Any], *, namespace: str, ack_id: int
    ) -> None:
        """Send an event that the client acknowledges, and of which it keeps no offset."""
        with self._lock:
            self._send((recipient,), self._encode(arguments, namespace, ack_id))

    def send_piece(
        self,
        member: Member,
        entries: Sequence[Entry],
        *,
        is_last: bool,
        taken: Callable[[], None],
    ) -> bool:
        """Send a piece of what the client missed; after the last, the events that waited, as much
        as fits, and with the last of these the client is LIVE. True if the client has taken the
        piece, else `taken` is called when it has."""
        with self._lock:
            packets = [durable(entry) for entry in entries]
            if is_last and member.backlog is not None:
                packets += member.backlog.pop(PIECE_BYTES - sum(map(len, packets)))
                if not member.backlog:
                    member.caught_up()
            return self._send_piece(member.session, packets, taken)

    def _send(self, members: Iterable[Member], packets: Sequence[Packet]) -> None:
        sessions = []
        for member in members:
            if member.backlog is None:
                sessions.append(member.session)
            else:
                self._add_to_backlog(member, member.backlog, packets)
        self._send_all(sessions, packets)

    def _add_to_backlog(self, member: Member, backlog: Backlog, packets: Sequence[Packet]) -> None:
        if len(backlog) < MAX_WAITING_PACKETS and all(
            backlog.add(one, limit=self._max_backlog_bytes) for one in packets
        ):
            return
        # The client comes back, and recovers from the last offset that it has.
        member.drop_backlog()
        is_replaying = member.state is State.REPLAYING
        close(
            member.session,
            ServiceEnding.SLOW_REPLAY if is_replaying else ServiceEnding.HELD_TOO_MUCH,
        )

    def _encode(
        self, data: Sequence[Any], namespace: str = NAMESPACE, ack_id: int | None = None
    ) -> list[Packet]:
        encoded = self._packet_class(
            packet.EVENT, namespace=namespace, data=list(data), id=ack_id
        ).encode()
        parts = encoded if isinstance(encoded, list) else [encoded]
        return [message(part) for part in parts]


def durable(entry: Entry) -> Packet:
    """An event of the journal: [name, payload, offset]. The payload's text is carried as it was
    written: JSON by the journal's own check, and half a million bytes of it cost no parsing."""
    name = orjson.dumps(entry.name).decode()
    return message(f'{packet.EVENT}[{name},{entry.data},"{entry.position}"]')

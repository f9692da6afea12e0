"""Delivery: an event is encoded once and handed to each recipient's engine, or held for it.

While a connection is being accepted its packets wait in `held`, so that the client sees CONNECT,
then what it missed, then live events, and never anything before its token was verified.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from engineio.exceptions import EngineIOError
from socketio import Server, packet

from ordercast.endings import ServiceEnding
from ordercast.journal import Entry
from ordercast.live.closing import close
from ordercast.live.missed import PIECE_BYTES
from ordercast.live.rooms import Member, State
from ordercast.transport.backlog import Backlog
from ordercast.transport.packets import Packet, message

logger = logging.getLogger(__name__)
NAMESPACE = "/"
MAX_HELD = 10_000  # packets that may wait for one connection: a small one costs more than its bytes

SendAll = Callable[[Sequence[Any], Sequence[Packet]], None]
SendPiece = Callable[[Any, Sequence[Packet], Callable[[], None]], bool]


def _one_by_one(engines: Sequence[Any], packets: Sequence[Packet]) -> None:
    for engine in engines:
        try:
            for one in packets:
                engine.send(one)
        except EngineIOError:  # this one is going away, which is nobody else's business
            logger.info("left while an event was sent", extra={"engine": engine.sid})


def _at_once(engine: Any, packets: Sequence[Packet], _taken: Callable[[], None]) -> bool:
    _one_by_one((engine,), packets)
    return True


class Delivery:
    def __init__(self) -> None:
        # One sender at a time: what a connection gets is in order, and nothing slips between its
        # replay and its live events. Nothing waits while holding it.
        self._lock = threading.RLock()
        self.server: Server = None
        # Or the transport's own, where it is not the stock.
        self.send_all: SendAll = _one_by_one
        self.hand_piece: SendPiece = _at_once
        self.max_held_bytes = 0  # of live events that wait for one connection; 0: no limit
        self._position = 0  # up to which the journal was sent to whom it concerns

    def restart(self) -> None:
        """What was sent until now is no measure of what comes: a position of before must not
        become the offset of a client that connects from now on."""
        with self._lock:
            self._position = 0

    def send_entry(self, recipients: Iterable[Member], entry: Entry) -> None:
        """A durable event, with its offset as the last argument."""
        position = entry.position
        with self._lock:
            self._position = position
            # Who has this one already had it from a process that was further than this one.
            new = [member for member in recipients if member.seen < position]
            if new:
                self._send(new, (durable(entry),))

    def send_ephemeral(
        self, recipients: Sequence[Member], arguments: Sequence[Any], *, namespace: str
    ) -> None:
        """An event that is not in the journal: [name, ...].

        The client takes a last argument that is a string for its offset, and without arguments
        the name itself. So after such a one it gets the offset that it has: the last durable
        position, and never one behind its own.
        """
        with self._lock:
            if not isinstance(arguments[-1], str):
                self._send(recipients, self._encode(arguments, namespace))
                return
            by_offset: dict[int | None, list[Member]] = {}
            for member in recipients:
                offset = None if member.connection is None else max(self._position, member.seen)
                by_offset.setdefault(offset, []).append(member)
            for offset, members in by_offset.items():
                extra = () if offset is None else (str(offset),)
                self._send(members, self._encode([*arguments, *extra], namespace))

    def send_one(
        self, recipient: Member, arguments: Sequence[Any], *, namespace: str, ack_id: int
    ) -> None:
        """An event that the client acknowledges; it keeps no offset of such a one."""
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
        """Some of what the client missed; behind the last of it what was held for it, as much as
        fits, and once that is all, it gets live events. True if the client has taken it, else
        `taken` is called when it has."""
        with self._lock:
            packets = [durable(entry) for entry in entries]
            if is_last and member.held is not None:
                packets += member.held.take(PIECE_BYTES - sum(map(len, packets)))
                if not member.held:
                    member.held = None
            return self.hand_piece(member.engine, packets, taken)

    def _send(self, members: Iterable[Member], packets: Sequence[Packet]) -> None:
        engines = []
        for member in members:
            if member.held is None:
                engines.append(member.engine)
            else:
                self._hold(member, packets)
        self.send_all(engines, packets)

    def _hold(self, member: Member, packets: Sequence[Packet]) -> None:
        held, connection = member.held, member.connection
        assert held is not None
        assert connection is not None
        if connection.overflowed:
            return
        if len(held) < MAX_HELD and all(
            held.add(one, limit=self.max_held_bytes) for one in packets
        ):
            return
        connection.overflowed = True
        member.held = Backlog()
        if member.state is State.CONNECTED:
            # In the middle of its replay: it ends as slow clients do, behind what it was sent.
            close(member.engine, ServiceEnding.SLOW_REPLAY)

    def _encode(
        self, data: Sequence[Any], namespace: str = NAMESPACE, ack_id: int | None = None
    ) -> list[Packet]:
        encoded = self.server.packet_class(
            packet.EVENT, namespace=namespace, data=list(data), id=ack_id
        ).encode()
        parts = encoded if isinstance(encoded, list) else [encoded]
        return [message(part) for part in parts]


def durable(entry: Entry) -> Packet:
    """An event of the journal: [name, payload, offset]. The payload's text is carried as it was
    written: JSON by the journal's own check, and half a million bytes of it cost no parsing."""
    name = orjson.dumps(entry.name).decode()
    return message(f'{packet.EVENT}[{name},{entry.data},"{entry.position}"]')

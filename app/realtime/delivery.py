"""Delivery: an event is encoded once and handed to each recipient's engine, or held for it.

While a connection is being accepted its packets wait in `held`, so that the client sees CONNECT,
then what it missed, then live events, and never anything before its token was verified.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from engineio.exceptions import EngineIOError
from socketio import Server, packet

from app.journal import Entry
from app.realtime.connections import MAX_HELD, Connection
from app.realtime.rooms import Member
from app.transport.packets import Packet, message

logger = logging.getLogger(__name__)
NAMESPACE = "/"


class Delivery:
    def __init__(self) -> None:
        # One sender at a time: what a connection gets is in order, and nothing slips between its
        # replay and its live events. Nothing waits while holding it.
        self._lock = threading.RLock()
        self.server: Server = None
        self._position = 0  # up to which the journal was sent to whom it concerns

    def restart(self) -> None:
        """What was sent until now is no measure of what comes: a position of before must not
        become the offset of a client that connects from now on."""
        with self._lock:
            self._position = 0

    def send_entry(self, recipients: Iterable[Member], entry: Entry, payload: Any) -> None:
        """A durable event, with its offset as the last argument."""
        position = entry.position
        packets: list[Packet] = []
        with self._lock:
            self._position = position
            for member in recipients:
                connection = member.connection
                if connection is not None and position <= connection.seen:
                    continue  # it had this one from a process that was further than this one
                packets = packets or self._encode([entry.name, payload, str(position)])
                if connection is None or connection.held is None:
                    self._transmit(member, packets)
                else:
                    self._hold(connection, packets)

    def send_ephemeral(
        self, recipients: Iterable[Member], arguments: Sequence[Any], *, namespace: str
    ) -> None:
        """An event that is not in the journal: [name, ...].

        The client takes a last argument that is a string for its offset, and without arguments
        the name itself. So after such a one it gets the offset that it has: the last durable
        position, and never one behind its own.
        """
        ends_in_string = isinstance(arguments[-1], str)
        encoded: dict[int | None, list[Packet]] = {}
        with self._lock:
            for member in recipients:
                connection, offset = member.connection, None
                if ends_in_string and connection is not None:
                    offset = max(self._position, connection.seen)
                packets = encoded.get(offset)
                if packets is None:
                    extra = [] if offset is None else [str(offset)]
                    packets = encoded[offset] = self._encode([*arguments, *extra], namespace)
                if connection is None or connection.held is None:
                    self._transmit(member, packets)
                else:
                    self._hold(connection, packets)

    def send_one(
        self, recipient: Member, arguments: Sequence[Any], *, namespace: str, ack_id: int
    ) -> None:
        """An event that the client acknowledges; it keeps no offset of such a one."""
        with self._lock:
            packets, connection = (
                self._encode(list(arguments), namespace, ack_id),
                recipient.connection,
            )
            if connection is None or connection.held is None:
                self._transmit(recipient, packets)
            else:
                self._hold(connection, packets)

    def release(self, member: Member, connection: Connection) -> None:
        """CONNECT is on its way: what was missed follows, then what was held, then live events."""
        with self._lock:
            for entry in connection.replay:
                arguments = [entry.name, orjson.loads(entry.data), str(entry.position)]
                self._transmit(member, self._encode(arguments))
            self._transmit(member, connection.held or [])
            connection.replay, connection.held = (), None

    def _hold(self, connection: Connection, packets: list[Packet]) -> None:
        assert connection.held is not None
        if len(connection.held) < MAX_HELD:
            connection.held.extend(packets)
        else:
            connection.overflowed = True

    def _transmit(self, member: Member, packets: Iterable[Packet]) -> None:
        try:
            for one in packets:
                member.engine.send(one)
        except EngineIOError:  # this one is going away, which is nobody else's business
            logger.info("left while an event was sent", extra={"engine": member.eio_sid})

    def _encode(
        self, data: list[Any], namespace: str = NAMESPACE, ack_id: int | None = None
    ) -> list[Packet]:
        encoded = self.server.packet_class(
            packet.EVENT, namespace=namespace, data=data, id=ack_id
        ).encode()
        parts = encoded if isinstance(encoded, list) else [encoded]
        return [message(part) for part in parts]

"""The client manager: rooms of this process, and Flask-SocketIO's message queue on Redis.

It speaks the stock channel and format, so `SocketIO(message_queue=...)` in a script keeps working.
What is different from python-socketio's RedisManager, and why:

- A client that is still connecting receives nothing before its token is verified; from then on
  its events are held until it has been told that it is connected (delivery.py).
- What would make every client close its connection, or empty a room that is none, is refused.
- `_publish` raises; the stock one tries twice, logs, and loses the message.
- It starts no thread of its own: the process has one Redis subscription (subscription.py).
- `host_id` belongs to the process, also after a fork: with gunicorn's --preload the stock one is
  shared, and processes take each other's messages for their own.

It uses private parts of python-socketio and engineio; tests/unit/test_pins.py lists them, those of
the other modules here, and the versions they were read in.
"""

import json
import logging
import math
from base64 import b64decode
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
from socketio import Server
from socketio.packet import Packet

from ordercast.broker import Broker
from ordercast.endings import Ending, ServiceEnding
from ordercast.errors import TokenError, TokenExpired
from ordercast.journal import Entry
from ordercast.live.closing import close
from ordercast.live.connections import Connection, Connections
from ordercast.live.delivery import NAMESPACE, Delivery
from ordercast.live.replay import Replay
from ordercast.live.revocations import Revocations
from ordercast.live.rooms import Member, RoomManager, State
from ordercast.metrics import CONNECTIONS, QUEUE_MESSAGES_REFUSED
from ordercast.revocation import Mark
from ordercast.transport.backlog import Backlog
from ordercast.transport.protocol import RESERVED

logger = logging.getLogger(__name__)
GOOD_BYE_SECONDS = 1.0  # between a server's disconnect and the end of the transport
CONNECTING = State.CONNECTING
PICKLE = b"\x80"  # the first byte of a Python pickle, protocol 2 and newer; no JSON begins with it
PICKLED = (
    "a pickled queue message was refused: its sender's python-socketio is older than 5.14,"
    " which is the first that writes JSON"
)
ROOM_METHODS = frozenset({"enter_room", "leave_room", "close_room"})


class QueueManager(RoomManager):
    name = "ordercast"

    def __init__(self, broker: Broker, connections: Connections, revocations: Revocations) -> None:
        self._host: str | None = None
        super().__init__(channel=broker.queue_channel)
        self._redis = broker.connect()
        self._connections = connections
        self._revocations = revocations
        self.delivery = Delivery()
        self._replay = Replay(self.delivery, self.close_transport)
        self.on_connected: Callable[[Connection], None] = lambda _: None
        self._methods = {
            "emit": self._handle_emit,
            "disconnect": self._handle_disconnect,
            "enter_room": self._handle_enter_room,
            "leave_room": self._handle_leave_room,
            "close_room": self._handle_close_room,
            "doctor": lambda _message: None,  # `flask doctor` listens for it itself
        }

    @property
    def host_id(self) -> str:
        """This process's name on the queue."""
        if self._host is None:
            self._host = uuid4().hex
        return self._host

    @host_id.setter
    def host_id(self, _value: str) -> None:
        """The base class sets one before the fork; it is not used."""

    def forget_host(self) -> None:
        """After a fork: this is another process, and has a name of its own."""
        self._host = None

    def set_server(self, server: Server) -> None:
        super().set_server(server)
        self.delivery.server = self._replay.server = server

    def initialize(self) -> None:
        """Nothing to do, and so nothing that a second connection could see half done."""

    # -- connections

    def hold(self, connection: Connection, *, seen: int) -> None:
        """Its token is verified: it is in its rooms, and their events after position `seen` wait
        until it is accepted."""
        connection.overflowed = False
        member = self.member(connection.sid, NAMESPACE)
        if member is not None:
            member.connection, member.seen, member.held = connection, seen, Backlog()
        for room in connection.identity.rooms:
            self.basic_enter_room(connection.sid, NAMESPACE, room)

    def change_rooms(self, sid: str, before: Sequence[str], now: Sequence[str]) -> None:
        """Its rooms by its old token, and by its new one."""
        for room in set(before) - set(now):
            self.basic_leave_room(sid, NAMESPACE, room)
        for room in set(now) - set(before):
            self.basic_enter_room(sid, NAMESPACE, room)

    def connect(self, sid: str, namespace: str) -> str:
        """The client was accepted and has been told so: its events follow, in the same step."""
        connected: str = super().connect(sid, namespace)
        member = self.member(sid, namespace)
        connection = None if member is None else member.connection
        if member is None or connection is None:
            return connected
        if not self._engine_is_open(member.eio_sid):
            # It left while its token was being verified; engineio told us then, when it was not
            # connected yet, and will not tell us again. Nobody was told that it had come.
            self._connections.remove(sid)
            self.basic_disconnect(sid, namespace)
            logger.info("left while connecting", extra={"sid": sid})
            return connected
        connection.engine = member.engine
        self._connections.release(member.eio_sid)
        CONNECTIONS.inc()
        logger.info(
            "connected",
            extra={
                "user": connection.identity.user_id,
                "sid": sid,
                "transport": connection.transport,
                "recovered": connection.recovered,
                "replayed": connection.missed.count if connection.missed else 0,
            },
        )
        if connection.refusal is not None:
            self._end(sid, connection.refusal)
        elif connection.overflowed:
            self.close_transport(sid, ServiceEnding.HELD_TOO_MUCH)
        else:
            self.on_connected(connection)
            self._replay.start(member, connection)
        return connected

    def members(self, namespace: str, room: Any) -> Sequence[Member]:
        """Who is in the room, without those whose token is not verified yet. A client's own room,
        its sid, is open to its own connect handler."""
        return [
            member
            for member in super().members(namespace, room)
            if member.state is not CONNECTING or member.connection is not None or room == member.sid
        ]

    def dismiss(self, mark: Mark) -> None:
        """A control event: end the connections that it hits, unless the table told of it."""
        if self._revocations.add(mark):
            self.close_hit_by(mark)

    def close_hit_by(self, mark: Mark) -> None:
        rules = self._revocations.rules
        for connection in self._connections.hit_by(mark, rules):
            refusal = rules.refusal(connection.identity, mark)
            if refusal is not None:
                connection.refusal = refusal  # a connect under way finds it before CONNECT
            if self.is_connected(connection.sid, NAMESPACE):
                self._end(connection.sid, refusal)

    def _end(self, sid: str, refusal: TokenError | None) -> None:
        """A client stays away after a server disconnect, and comes back when only its transport
        closes: where a refreshed token is good."""
        if isinstance(refusal, TokenExpired):
            self.close_transport(sid, ServiceEnding.TOKEN_OUTDATED)
        else:
            self._dismiss(sid)

    def send_away(self) -> None:
        """The events that follow do not continue what these clients have: they come back by
        themselves, are not recovered, and read snapshots again."""
        self.delivery.restart()
        for connection in self._connections.all():
            self.close_transport(connection.sid, ServiceEnding.JOURNAL_REPLACED)

    def _dismiss(self, sid: str) -> None:
        engine = self.server.eio.sockets.get(self.eio_sid_from_sid(sid, NAMESPACE))
        self.server.disconnect(sid, namespace=NAMESPACE, ignore_queue=True)  # it is here
        if engine is not None:
            self.server.start_background_task(self._close_after_good_bye, engine)

    def _close_after_good_bye(self, engine: Any) -> None:
        # A client that gets both at once takes the good-bye for a lost transport, and comes back.
        # Most close by themselves; one that does not has been told nothing more since.
        self.server.sleep(GOOD_BYE_SECONDS)
        close(engine, ServiceEnding.DISMISSED)

    def close_transport(self, sid: str, ending: Ending) -> None:
        """Close the connection at engine level, unanswered: the client comes back by itself."""
        engine = self.server.eio.sockets.get(self.eio_sid_from_sid(sid, NAMESPACE))
        if engine is not None:
            close(engine, ending)

    def _engine_is_open(self, eio_sid: str | None) -> bool:
        engine = self.server.eio.sockets.get(eio_sid)
        return engine is not None and not engine.closed and not engine.closing

    # -- emits to the clients of this process

    def emit_entry(self, entry: Entry) -> None:
        """A durable event, to whoever of its room is here."""
        self.delivery.send_entry(self.members(NAMESPACE, entry.room), entry)

    def _handle_emit(self, message: dict[str, Any]) -> None:
        """An emit in the queue's format, of this process or another."""
        namespace = message.get("namespace") or NAMESPACE
        room = message.get("room")
        if not self.is_anyone_in(namespace, room):
            return
        data = message["data"]
        if message.get("binary"):
            data = Packet.reconstruct_binary(data[0], [b64decode(part) for part in data[1:]])
        arguments = data if isinstance(data, list) else [data]
        if arguments == [None]:
            arguments = []
        recipients = self.members(namespace, room)
        skip = message.get("skip_sid")
        if skip:
            skipped = skip if isinstance(skip, list) else [skip]
            recipients = [member for member in recipients if member.sid not in skipped]
        packet = [message["event"], *arguments]
        answer_to = message.get("callback")
        if not answer_to:
            self.delivery.send_ephemeral(recipients, packet, namespace=namespace)
            return
        callback = partial(self._return_callback, message.get("host_id"), *answer_to)
        for recipient in recipients:
            ack_id = self._generate_ack_id(recipient.sid, callback)
            self.delivery.send_one(recipient, packet, namespace=namespace, ack_id=ack_id)

    # -- the queue

    def receive(self, message: bytes) -> None:
        """One message of the stock channel, from another process or an external script."""
        try:
            data = _read(message)
            method = data["method"]
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            QUEUE_MESSAGES_REFUSED.inc()
            if message.startswith(PICKLE):
                logger.warning(PICKLED, extra={"channel": self.channel})
            else:
                logger.warning("queue message makes no sense", extra={"error": repr(exc)})
            return
        if method == "callback":
            self._handle_callback(data)
        elif data.get("host_id") != self.host_id:
            handler = self._methods.get(method)
            if handler is None:
                QUEUE_MESSAGES_REFUSED.inc()
                logger.warning("queue message of unknown method", extra={"method": str(method)})
            else:
                handler(data)

    def _publish(self, data: dict[str, Any]) -> None:
        """Send to the other processes. Raises redis.RedisError; TypeError for what is no JSON."""
        self._redis.publish(self.channel, self.json.dumps(data))


def _read(message: bytes) -> Any:
    """The message of a queue. Raises ValueError, KeyError or TypeError for what makes no sense."""
    try:
        data = orjson.loads(message)
    except orjson.JSONDecodeError:
        data = _read_as_stock(message)
    method = data["method"]
    if method == "emit" and (not isinstance(data["event"], str) or data["event"] in RESERVED):
        raise ValueError(f"no client takes an event named {data['event']!r}")
    if method in ROOM_METHODS and not isinstance(data["room"], str):
        raise ValueError("a room is a text")
    return data


def _read_as_stock(message: bytes) -> Any:
    """The message as Python's own parser reads it: it takes half an emoji, as a text that was cut
    ends with, and python-socketio escapes it again on the wire. Raises ValueError, also for NaN and
    Infinity, which Python writes and JavaScript cannot read."""
    return json.loads(message, parse_constant=_refuse, parse_float=_finite)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)

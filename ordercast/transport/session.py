"""An Engine.IO session (protocol 4): one client, over long-polling, a WebSocket, or first the one
and then the other.

What a client sends is handled in its inbox. Everything else happens in the hub or in the greenlet
that sends, and never blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from engineio.base_server import BaseServer
from gevent.event import Event

from ordercast.transport import packets
from ordercast.transport.backlog import Backlog
from ordercast.transport.inbox import Gone, Inbox
from ordercast.transport.packets import CLOSED, NOTHING, PINGED, PROBED, MalformedPacket, Packet
from ordercast.transport.websocket import WebSocket

if TYPE_CHECKING:
    from ordercast.transport.engine import Engine

LAST_POLL_SECONDS = 20.0  # for a client that polls to ask for the end of its session
PROBE_SECONDS = 10.0  # for a client to complete an upgrade that it began
POLICY = 1008  # RFC 6455 section 7.4.1: a message that violates the server's policy
INVALID = 1007  # RFC 6455 section 7.4.1: a message that is not what it should be

reason = BaseServer.reason


class Session:
    GOING_AWAY = "server shutting down"

    __slots__ = (
        "_asked_at",
        "_outbox",
        "_poll",
        "_probe",
        "_probed",
        "_session",
        "_taken",
        "address",
        "closed",
        "confirmed",
        "engine",
        "held",
        "inbox",
        "sid",
        "websocket",
    )

    def __init__(self, engine: Engine, sid: str, address: str) -> None:
        self.engine = engine
        self.sid = sid
        self.address = address
        self._session: dict[str, Any] | None = None
        self.closed = False
        self.confirmed = False  # something above has accepted the client
        self.websocket: WebSocket | None = None  # None: long-polling
        self._probe: WebSocket | None = None  # on which the client asks to upgrade
        self._probed = False  # the client was told that it may: it polls no more
        self._poll: Event | None = None  # the long poll that waits
        self._outbox: Backlog | None = None  # for the next poll, or the end of the upgrade
        self.inbox = Inbox()
        self.held: Backlog | None = None  # packets that wait for the answer to a CONNECT
        self._taken: Callable[[], None] | None = None  # to be called when nothing waits any more
        self._asked_at = 0.0  # of a ping that is not answered yet, monotonic seconds; else 0

    # -- what python-socketio and others look at

    @property
    def upgraded(self) -> bool:
        return self.websocket is not None

    @property
    def connected(self) -> bool:
        return not self.closed

    @property
    def closing(self) -> bool:
        return self.closed

    @property
    def session(self) -> dict[str, Any]:
        """Engine.IO's user session, which few use."""
        if self._session is None:
            self._session = {}
        return self._session

    @session.setter
    def session(self, session: dict[str, Any]) -> None:
        self._session = session

    # -- sending

    def send(self, packet: Packet) -> None:
        """Send, or keep for the client's next poll; a client for whom too much waits is closed."""
        if self.closed:
            return
        if self.held is not None:
            self._keep(packet, self.held)
        elif self.websocket is None:
            if self._outbox is None:
                self._outbox = Backlog()
            self._keep(packet, self._outbox)
            if self._poll is not None:
                self._poll.set()
        else:
            self.send_rest(packet.frame)

    def send_rest(self, frame: bytes, sent: int = 0) -> None:
        """Send a frame on the WebSocket, of which so many bytes are sent."""
        assert self.websocket is not None
        if not self.websocket.send(memoryview(frame)[sent:] if sent else frame):
            self.engine.count_slow()

    def _keep(self, packet: Packet, backlog: Backlog) -> None:
        if not backlog.add(packet, limit=self.engine.limits.max_backlog_bytes):
            self.engine.count_slow()
            self.close(abort=True, reason=reason.TRANSPORT_ERROR)

    def send_piece(self, packets: Sequence[Packet], taken: Callable[[], None]) -> bool:
        """Send these, which count for no limit: no more of their kind comes until they are taken,
        by the kernel or a poll. True if they are; otherwise `taken` is called once, in the hub or
        the poll's greenlet, and never if the session ends before. They overtake what waits for the
        answer to a CONNECT."""
        if self.closed:
            return False
        if self.websocket is None:
            if not packets:
                return True
            if self._outbox is None:
                self._outbox = Backlog()
            self._outbox.packets.extend(packets)
            if self._poll is not None:
                self._poll.set()
        else:
            for packet in packets:
                self.websocket.send(packet.frame, counted=False)
            if self.closed:
                return False
            if self.websocket.direct is not None:
                return True
        self._taken = taken
        return False

    def drained(self, websocket: WebSocket) -> None:
        """The kernel has taken all that waited for this WebSocket of ours."""
        if websocket is self.websocket:
            self._tell_taken()

    def _tell_taken(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            taken()

    def hold(self) -> None:
        """From now on packets wait."""
        self.held = Backlog()

    def release(self, first: Packet, *, but: Callable[[Packet], bool] | None = None) -> None:
        """Send this one, then those that waited, `but` not these, and from now on all at once."""
        held, self.held = self.held, None
        self.send(first)
        for packet in held or ():
            if but is None or not but(packet):
                self.send(packet)

    def ping(self) -> None:
        """The heartbeat: ask, and look again when the answer is due."""
        if self.closed:
            return
        self._asked_at = time.monotonic()
        held, self.held = self.held, None  # also to one whose connect handler still runs
        self.send(PINGED)
        self.held = held
        if self.engine.limits.ping_timeout:
            self.engine.timers.after(self.engine.limits.ping_timeout, Session.look, self)

    def look(self) -> None:
        """Close it if its answer to a ping is overdue."""
        if self.closed or not self._asked_at or not self.engine.limits.ping_timeout:
            return
        if time.monotonic() - self._asked_at < self.engine.limits.ping_timeout:
            return
        if self.inbox.is_full:
            # We do not read what it says: its answer may be waiting.
            self.engine.timers.after(self.engine.limits.ping_timeout, Session.look, self)
            return
        # One that polls is told with 400, as any session is that is not known any more.
        self.close(abort=self.websocket is None, reason=reason.PING_TIMEOUT)

    # -- receiving

    def receive(self, encoded: str | bytes) -> None:
        """One packet of the client. Raises MalformedPacket."""
        if self.closed:
            return  # it came behind its own good-bye
        if isinstance(encoded, bytes) or encoded[:1] == packets.MESSAGE:
            if not self.inbox.allows(self.engine.limits.max_messages_per_second):
                self.engine.count_flood()
                self.close(code=POLICY, text="Too many messages")
                return
            self._handle(encoded if isinstance(encoded, bytes) else encoded[1:])
        elif encoded == packets.PONG:
            if self._asked_at:
                self._asked_at = 0.0
                self.engine.schedule_ping(self)
            else:
                self.overhead()
        elif encoded == packets.CLOSE:
            self.close(abort=True, reason=reason.CLIENT_DISCONNECT)
        elif encoded == packets.NOOP:
            self.overhead()
        else:
            raise MalformedPacket(f"unexpected packet {encoded[:20]!r}")

    def overhead(self, websocket: WebSocket | None = None) -> bool:
        """Count what brings no message. False if it was too much: then the session is closed, and
        the WebSocket that it came on, if one did."""
        allowed = self.inbox.allows_overhead(self.engine.limits.max_messages_per_second)
        if not allowed:
            text = "Too many frames without a message"
            if not self.closed:
                self.engine.count_flood()
            self.close(code=POLICY, text=text)
            if websocket is not None:
                websocket.close(POLICY, text)
        return allowed

    def _handle(self, item: Any) -> None:
        self.inbox.put(item, self)
        if self.inbox.is_full and self.websocket is not None:
            self.websocket.pause()

    # -- long-polling

    def poll(self) -> list[Packet]:
        """Wait for packets to answer a poll with. Raises MalformedPacket for a second poll at once,
        which ends the session: two of them would share what one client is to get in order."""
        if self._poll is not None:
            self.close(reason=reason.TRANSPORT_ERROR)
            raise MalformedPacket("a second poll at once")
        if self._outbox is None and not self.closed:
            if self._probe is not None:
                return [NOTHING]  # the client waits for this poll to end before it upgrades
            self._poll = Event()
            try:
                self._poll.wait()
            finally:
                self._poll = None
        return self._take()

    def hang_up(self) -> None:
        """The connection of the poll that waits is gone."""
        self.close(abort=True, reason=reason.TRANSPORT_CLOSE)

    def _take(self) -> list[Packet]:
        owes_close = self.owes_close
        taken, self._outbox = [] if self._outbox is None else self._outbox.packets, None
        if owes_close and len(taken) > 1:
            # The stock client takes the CLOSE of an answer before the events of that answer, and
            # keeps these for its next connection. So CLOSE has an answer of its own.
            self._outbox = Backlog([taken.pop()])
        elif self.closed:
            self.engine.forget(self)
        if self.websocket is None:
            self._tell_taken()
        return taken or [NOTHING]

    @property
    def owes_close(self) -> bool:
        """CLOSE waits for the client's next poll."""
        return self.closed and self._outbox is not None and self._outbox.packets[-1] is CLOSED

    # -- the WebSocket

    def open(self, websocket: WebSocket) -> None:
        """It begins as a WebSocket."""
        self.websocket = websocket
        websocket.owner = self

    def probe(self, websocket: WebSocket) -> None:
        """The client tries whether a WebSocket comes through."""
        self._probe, self._probed = websocket, False
        websocket.owner = self
        self.engine.timers.after(PROBE_SECONDS, _give_up, (self, websocket))

    @property
    def may_upgrade(self) -> bool:
        return not self.closed and self.websocket is None and self._probe is None

    def give_up(self, probe: WebSocket) -> None:
        """The upgrade on this WebSocket took too long; the polling goes on."""
        if self._probe is probe:
            self._probe = None
            probe.close()

    def received(self, websocket: WebSocket, payload: str | bytes) -> None:
        """A message of one of our WebSockets, in the hub."""
        if websocket is self._probe:
            self._upgrade(websocket, payload)
            return
        try:
            self.receive(payload)
        except MalformedPacket as exc:
            self.close(code=exc.close_code, text=str(exc), reason=reason.TRANSPORT_ERROR)

    def lost(self, websocket: WebSocket, *, failed: bool) -> None:
        """One of our WebSockets is over; `failed` if we gave it up, and not the client."""
        if websocket is self._probe:
            self._probe = None
        elif websocket is self.websocket:
            self.close(
                abort=True,
                reason=reason.TRANSPORT_ERROR if failed else reason.TRANSPORT_CLOSE,
            )

    def _upgrade(self, websocket: WebSocket, payload: str | bytes) -> None:
        if not self.overhead(websocket):
            return
        if payload == packets.PING + "probe":
            self._probed = True
            websocket.send(PROBED.frame)
            if self._poll is not None and self._outbox is None:
                self._outbox = Backlog([NOTHING])
                self._poll.set()
        elif payload == packets.UPGRADE:
            self._probe, self.websocket = None, websocket
            waiting, self._outbox = self._outbox, None
            if self._poll is not None:
                self._poll.set()
            for packet in waiting or ():
                if packet is not NOTHING:
                    websocket.send(packet.frame, counted=False)  # within its limit until now
            if self.closed:
                websocket.close()
                self.engine.forget(self)
            elif websocket.direct is not None:
                self._tell_taken()
        else:
            self._probe = None
            websocket.close(INVALID, "not an upgrade")

    # -- the end

    def close(
        self,
        wait: bool = True,
        abort: bool = False,
        reason: str | None = None,
        *,
        code: int = 1000,
        text: str = "",
    ) -> None:
        """Close the session. Unless `abort`, the client is told, after all that was sent to it;
        one that polls learns it with its next poll. Its disconnect handlers run after the
        messages that it sent before. `wait` is there for python-socketio, and does nothing."""
        if self.closed:
            return
        self.closed = True
        self.engine.admission.close(self)
        self._taken = None
        self.engine.leaving[self.sid] = self
        if self.websocket is None:
            self._close_polling(abort=abort, left=reason == BaseServer.reason.CLIENT_DISCONNECT)
        else:
            if abort:
                self.websocket.abort()
            else:
                self.websocket.send(CLOSED.frame)
                self.websocket.close(code, text)
            self.engine.forget(self)
        self._handle(Gone(reason or BaseServer.reason.SERVER_DISCONNECT))

    def _close_polling(self, *, abort: bool, left: bool) -> None:
        if self._probe is not None and (left or not self._probed):
            # Otherwise the client has stopped to poll, and would not begin again: it hears of the
            # end on the WebSocket to which it is about to move.
            probe, self._probe = self._probe, None
            probe.close()
        if not abort:
            self._outbox = Backlog([*(self._outbox or ()), CLOSED])
        elif not left:
            self._outbox = None
        waits = self._poll is not None
        if self._poll is not None:
            self._poll.set()
        if left or self._outbox is not None:
            # Its next poll is answered with what waits for it. A client that says that it leaves
            # has begun a poll before, which may be read after that.
            self.engine.timers.after(LAST_POLL_SECONDS, self.engine.forget, self)
        elif not waits:
            self.engine.forget(self)


def _give_up(attempt: tuple[Session, WebSocket]) -> None:
    session, probe = attempt
    session.give_up(probe)

"""An Engine.IO session (protocol 4): one client, over long-polling, a WebSocket, or first the one
and then the other.

The handlers of a client's messages run in a greenlet of its own (incoming.py). Everything else runs
in the hub or in the greenlet that sends, and never blocks; only a poll waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ordercast.transport import packets
from ordercast.transport.endings import Ending, TransportEnding
from ordercast.transport.host import Host
from ordercast.transport.incoming import Gone, Incoming, Item
from ordercast.transport.outbox import Outbox
from ordercast.transport.packets import CLOSED, NOTHING, PINGED, MalformedPacket, Packet
from ordercast.transport.state import SessionState
from ordercast.transport.upgrade import Upgrade

if TYPE_CHECKING:
    from ordercast.transport.websocket import WebSocket

LAST_POLL_SECONDS = 20.0  # for a client that polls to ask for the end of its session


class Session:
    __slots__ = (
        "_host", "_outbox", "_taken", "_upgrade", "address", "authenticated", "connecting",
        "ending", "incoming", "sid", "state", "websocket",
    )  # fmt: skip

    def __init__(self, host: Host[Session], sid: str, address: str) -> None:
        self._host = host
        self.sid = sid
        self.address = address
        self.state = SessionState.POLLING
        self.authenticated = False
        self.websocket: WebSocket | None = None  # None: long-polling
        self.incoming = Incoming()
        self.connecting = False  # a CONNECT is not answered yet
        self.ending: Ending | None = None
        self._outbox: Outbox | None = Outbox()  # None: no polling
        self._upgrade: Upgrade | None = None  # begun by the client, and not finished
        # Called when nothing waits any more: a callback for each namespace that sends a piece.
        self._taken: tuple[Callable[[], None], ...] = ()

    # -- what python-socketio and others ask

    @property
    def upgraded(self) -> bool:
        return self.websocket is not None

    @property
    def closed(self) -> bool:
        return self.state is SessionState.CLOSED or self.state is SessionState.ENDING

    closing = closed

    @property
    def owes_close(self) -> bool:
        """CLOSE waits for the client's next poll."""
        return self._outbox is not None and self._outbox.owes_close

    @property
    def backlog_bytes(self) -> int:
        """How many bytes wait for the client."""
        waiting = self.websocket if self._outbox is None else self._outbox
        return 0 if waiting is None else waiting.backlog_bytes

    @property
    def is_behind(self) -> bool:
        """The handlers are far behind, and no more is read from the client."""
        return self.incoming.is_full

    @property
    def is_handled_here(self) -> bool:
        """Whether the caller runs in a handler of the client, for whose end its messages wait."""
        return self.incoming.is_handled_here

    def begin_connect(self) -> None:
        """A CONNECT came, which is not answered yet."""
        self.connecting = True

    def end_connect(self) -> None:
        self.connecting = False

    # -- sending

    def send(self, packet: Packet) -> None:
        """Send, or keep for the client's next poll; the session ends when too much waits for its
        client."""
        if self.closed:
            return
        if self._outbox is None:
            self.send_rest(packet.frame)
        elif not self._outbox.put(packet, limit=self._host.limits.max_backlog_bytes):
            self.end(TransportEnding.SLOW)

    def send_rest(self, frame: bytes, sent: int = 0) -> None:
        """Send a frame on the WebSocket, without the first `sent` bytes, which are sent already."""
        assert self.websocket is not None
        self.websocket.send(memoryview(frame)[sent:] if sent else frame)

    def send_piece(self, packets: Sequence[Packet], taken: Callable[[], None]) -> bool:
        """Send packets that count for no limit: their namespace sends the next piece when they are
        taken, by the kernel or a poll. True if they are taken at once; otherwise `taken` is called
        once, in the hub or the poll's greenlet, and never if the session ends before."""
        if self.closed:
            return False
        if self._outbox is not None:
            if not packets:
                return True
            self._outbox.put_all(packets)
        else:
            assert self.websocket is not None
            for packet in packets:
                self.websocket.send(packet.frame, counted=False)
            if self.closed:
                return False
            if self.websocket.direct is not None:
                return True
        self._taken = (*self._taken, taken)
        return False

    def _tell_taken(self) -> None:
        told, self._taken = self._taken, ()
        for taken in told:
            taken()

    def ping(self) -> None:
        self.send(PINGED)

    # -- receiving

    def receive(self, encoded: str | bytes) -> None:
        """One packet of the client. Raises MalformedPacket."""
        if self.closed:
            return  # behind the client's own CLOSE
        if isinstance(encoded, bytes) or encoded[:1] == packets.MESSAGE:
            if not self.incoming.allows(self._host.limits.max_messages_per_second):
                self.end(TransportEnding.FLOOD)
                return
            self._put(encoded if isinstance(encoded, bytes) else encoded[1:])
        elif encoded == packets.PONG:
            if not self._host.answered(self):
                self.allows_overhead()
        elif encoded == packets.CLOSE:
            self.end(TransportEnding.LEFT)
        elif encoded == packets.NOOP:
            self.allows_overhead()
        else:
            raise MalformedPacket(f"unexpected packet {encoded[:20]!r}")

    def _put(self, item: Item) -> None:
        self.incoming.put(item, self, self._host)
        if self.websocket is not None and self.is_behind:
            self.websocket.pause()

    def allows_overhead(self) -> bool:
        """Count a packet or a frame without a message. False: it was too much, and the session has
        ended."""
        if self.incoming.allows_overhead(self._host.limits.max_messages_per_second):
            return True
        self.end(TransportEnding.OVERHEAD)
        return False

    @property
    def paused(self) -> bool:
        return self.websocket is not None and self.websocket.paused

    def resume(self) -> None:
        if self.websocket is not None:
            self.websocket.resume()

    def accept(self) -> bool:
        """Count the client as authenticated. False: there is no capacity for it."""
        if not self.closed and not self.authenticated:
            self.authenticated = self._host.accept(self)
        return self.authenticated or self.closed

    def leave(self) -> None:
        """Count the client as unauthenticated again: it has left its last namespace."""
        if self.authenticated:
            self.authenticated = False
            self._host.leave(self)

    # -- long-polling, and the upgrade

    def poll(self) -> list[Packet]:
        """Wait for packets to answer a poll with. Raises MalformedPacket for a second poll at once,
        which ends the session: two of them would share what one client is to get in order."""
        outbox = self._outbox
        if outbox is None or outbox.is_polled:
            self.end(TransportEnding.SECOND_POLL)
            raise MalformedPacket("a second poll at once")
        # During an upgrade the client waits for its poll to end.
        taken = outbox.poll(wait=self.state is SessionState.POLLING)
        if self.closed and outbox.is_empty:
            self._forget()
        if self.websocket is None:
            self._tell_taken()
        return taken

    def probe(self, upgrade: Upgrade, websocket: WebSocket) -> None:
        """Begin an upgrade: the client probes the WebSocket, which `upgrade` owns."""
        self._upgrade, self.state = upgrade, SessionState.PROBING
        upgrade.begin(websocket, self._host.timers)

    def may_move(self) -> None:
        if self.state is SessionState.PROBING:
            self.state = SessionState.PROBED
        if self._outbox is not None:
            self._outbox.answer_poll()

    def stay(self) -> None:
        self._upgrade = None
        if not self.closed:
            self.state = SessionState.POLLING

    def move(self, websocket: WebSocket) -> None:
        outbox, self._upgrade = self._outbox, None
        assert outbox is not None
        self.open(websocket)
        outbox.wake()
        for packet in outbox.pop_all():
            if packet is not NOTHING:
                websocket.send(packet.frame, counted=False)  # within the outbox's limit
        if self.closed:
            websocket.close()
            self._forget()
        elif websocket.direct is not None:
            self._tell_taken()

    def open(self, websocket: WebSocket) -> None:
        """Own the WebSocket, and use it from now on."""
        websocket.change_owner(self)
        self.websocket, self._outbox = websocket, None
        if not self.closed:
            self.state = SessionState.WEBSOCKET

    def received(self, _websocket: WebSocket, payload: str | bytes) -> None:
        try:
            self.receive(payload)
        except MalformedPacket as exc:
            self.end(exc.ending, str(exc))

    def overhead(self, _websocket: WebSocket) -> None:
        self.allows_overhead()

    def drained(self, _websocket: WebSocket) -> None:
        self._tell_taken()

    def lost(self, _websocket: WebSocket, ending: Ending) -> None:
        self.end(ending)

    # -- the end

    def end(self, ending: Ending, text: str = "") -> None:
        """End the session; calling it again is harmless. If the ending says so the client is told,
        after all that was sent to it, and by its next poll if it polls. `text` goes with the close
        code instead of the ending's own. The disconnect handlers run after the messages that the
        client sent before."""
        if self.closed:
            return
        was_probed, self.state = self.state is SessionState.PROBED, SessionState.ENDING
        self.ending = ending
        self._taken = ()
        self._host.ended(self, ending)
        self.authenticated = False
        if self._outbox is not None:
            self._end_polling(self._outbox, ending, was_probed=was_probed)
        else:
            assert self.websocket is not None
            if ending.is_told(on_websocket=True):
                self.websocket.send(CLOSED.frame)
                self.websocket.close(ending.code, text or ending.text)
            else:
                self.websocket.abort()
            self._forget()
        self._put(Gone(ending.reason))

    def _end_polling(self, outbox: Outbox, ending: Ending, *, was_probed: bool) -> None:
        left = ending is TransportEnding.LEFT
        if self._upgrade is not None and (left or not was_probed):
            # A client that was told that it may move has stopped to poll for good: it is told of
            # the end on the WebSocket to which it is about to move.
            self._upgrade.cancel()
            self._upgrade = None
        if outbox.close(told=ending.is_told(on_websocket=False), left=left):
            self._host.timers.after(LAST_POLL_SECONDS, Session._forget, self)
        elif not outbox.is_polled:
            self._forget()

    def _forget(self) -> None:
        self.state = SessionState.CLOSED
        self._host.forget(self)

"""The upgrade of a session from long-polling to a WebSocket (Engine.IO protocol 4): the client
probes the WebSocket, ends its polling, and moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ordercast.transport import packets
from ordercast.transport.endings import CloseCode, Ending, TransportEnding
from ordercast.transport.packets import PROBED

if TYPE_CHECKING:
    from ordercast.transport.timers import Timers
    from ordercast.transport.websocket import WebSocket

PROBE_SECONDS = 10.0  # for a client to complete an upgrade that it began
PROBE = packets.PING + "probe"


class Upgrading(Protocol):
    """The session that is upgraded."""

    def allows_overhead(self) -> bool:
        """Count a packet without a message. False: it was too much, and the session has ended."""

    def may_move(self) -> None:
        """The WebSocket comes through: let the client end its polling."""

    def move(self, websocket: WebSocket) -> None:
        """The client polls no more: own the WebSocket."""

    def stay(self) -> None:
        """The upgrade has failed: the polling goes on."""


class Upgrade:
    """The owner of a WebSocket until its session has moved to it."""

    __slots__ = ("_session", "_websocket")

    def __init__(self, session: Upgrading) -> None:
        self._session = session
        self._websocket: WebSocket | None = None  # None: not begun, or over

    def begin(self, websocket: WebSocket, timers: Timers) -> None:
        """Give the client PROBE_SECONDS from now on."""
        self._websocket = websocket
        timers.after(PROBE_SECONDS, Upgrade._give_up, self)

    def received(self, websocket: WebSocket, payload: str | bytes) -> None:
        if not self._allows(websocket):
            return
        if payload == PROBE:
            websocket.send(PROBED.frame)
            self._session.may_move()
        elif payload == packets.UPGRADE:
            self._websocket = None
            self._session.move(websocket)
        else:
            self.lost(websocket, TransportEnding.MALFORMED)
            websocket.close(CloseCode.INVALID_DATA, "not an upgrade")

    def overhead(self, websocket: WebSocket) -> None:
        self._allows(websocket)

    def drained(self, websocket: WebSocket) -> None:
        """Do nothing: only the answer to the probe can have waited."""

    def lost(self, _websocket: WebSocket, _ending: Ending) -> None:
        # An upgrade that was refused changes nothing: the session may be in another, or past one.
        if self._websocket is not None:
            self._websocket = None
            self._session.stay()

    def cancel(self) -> None:
        """Close the WebSocket: the session has ended."""
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            websocket.close()

    def _give_up(self) -> None:
        if self._websocket is not None:
            self.cancel()
            self._session.stay()

    def _allows(self, websocket: WebSocket) -> bool:
        if self._session.allows_overhead():
            return True
        websocket.close(TransportEnding.OVERHEAD.code, TransportEnding.OVERHEAD.text)
        return False

"""python-engineio's own server, which serves `flask run`, used as the transport is."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import socketio
from engineio.exceptions import EngineIOError
from socketio import packet

from ordercast.endings import TransportEnding
from ordercast.live.closing import close
from ordercast.live.delivery import Sending
from ordercast.transport.packets import Packet

logger = logging.getLogger(__name__)


class StockRequest:
    """A client's CONNECT: ordercast.transport.ConnectRequest."""

    def __init__(self, server: socketio.Server, eio_sid: str, namespace: str, auth: Any) -> None:
        self._server = server
        self.eio_sid = eio_sid
        self.namespace = namespace
        self.environ: dict[str, Any] = server.environ[eio_sid]
        self.auth = auth
        self.has_ended = False  # the session, before it was accepted: its disconnect came too early

    def accept(self, data: dict[str, Any]) -> bool:
        session = self._server.eio.sockets.get(self.eio_sid)
        if session is None or session.closing or session.closed:
            self.has_ended = True
            return False
        self._answer(packet.CONNECT, data)
        return True

    def refuse(self, error: Any) -> None:
        self._answer(packet.CONNECT_ERROR, error)

    def come_back(self, _seconds: float) -> None:
        """Close at once: there are no timers here."""
        session = self._server.eio.sockets.get(self.eio_sid)
        if session is not None:
            close(session, TransportEnding.COME_BACK_LATER)

    def _answer(self, kind: int, data: Any) -> None:
        answer = self._server.packet_class(kind, data, namespace=self.namespace)
        self._server._send_packet(self.eio_sid, answer)


def send_all(sessions: Sequence[Any], packets: Sequence[Packet]) -> None:
    for session in sessions:
        try:
            for one in packets:
                session.send(one)
        except EngineIOError:  # this client is leaving, which concerns no other
            logger.info("left while an event was sent", extra={"engine": session.sid})


def send_piece(session: Any, packets: Sequence[Packet], _taken: Callable[[], None]) -> bool:
    send_all((session,), packets)
    return not session.closed


SENDING = Sending(send_all, send_piece)

"""A client's CONNECT, and the three answers to it: the whole interface between the transport and
the layer above when a client connects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import socketio
from socketio import packet

from ordercast.transport.endings import TransportEnding
from ordercast.transport.packets import message
from ordercast.transport.session import Session

if TYPE_CHECKING:
    from ordercast.transport.engine import Engine


class ConnectRequest(Protocol):
    """Answered once, by accept(), refuse() or come_back(), in the client's own greenlet: until then
    no other message of the client is handled. The namespace is known, and the client not in it."""

    eio_sid: str
    namespace: str
    environ: dict[str, Any]  # WSGI's, of the handshake
    auth: Any  # the client's payload of CONNECT: an object or None

    def accept(self, data: dict[str, Any]) -> bool:
        """Answer with CONNECT `data`. False: the session has ended meanwhile, or there is no
        capacity for it; its disconnect follows, once this CONNECT is handled."""

    def refuse(self, error: Any) -> None:
        """Answer with CONNECT_ERROR: {message, data?}."""

    def come_back(self, seconds: float) -> None:
        """Send no answer, and close the transport in so many seconds: the client then reconnects by
        itself, which it would not do after an answer. Closing at once would bring it back at
        once."""


class SessionRequest:
    """The CONNECT of a session of this transport."""

    def __init__(
        self, server: socketio.Server, engine: Engine, session: Session, namespace: str, auth: Any
    ) -> None:
        self._server = server
        self._engine = engine
        self._session = session
        self.eio_sid = session.sid
        self.namespace = namespace
        self.environ: dict[str, Any] = server.environ[session.sid]
        self.auth = auth
        session.begin_connect()

    def accept(self, data: dict[str, Any]) -> bool:
        if not self._session.accept():
            self._session.end(TransportEnding.FULL)  # other clients took the last capacity
        self._answer(packet.CONNECT, data)
        return not self._session.closed

    def refuse(self, error: Any) -> None:
        self._answer(packet.CONNECT_ERROR, error)

    def come_back(self, seconds: float) -> None:
        self._engine.timers.after(seconds, _send_away, self._session)

    def _answer(self, kind: int, data: Any) -> None:
        self._session.end_connect()
        encoded = self._server.packet_class(kind, data, namespace=self.namespace).encode()
        self._session.send(message(encoded))


def _send_away(session: Session) -> None:
    session.end(TransportEnding.COME_BACK_LATER)

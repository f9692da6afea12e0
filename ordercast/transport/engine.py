"""The Engine.IO server (protocol 4), in the place of python-engineio's.

It answers the requests of `/socket.io/` (or any path), and holds the sessions of this process.
Everything that python-socketio uses of the stock server is here, under the same names.
"""

from __future__ import annotations

import logging
import sys
import weakref
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import engineio
import gevent
import orjson
from engineio.packet import Packet as StockPacket

from ordercast.origins import Origins
from ordercast.transport import handshake, packets
from ordercast.transport.admission import Admission
from ordercast.transport.answers import (
    BAD_METHOD,
    BAD_REQUEST,
    DRAINING,
    FORBIDDEN,
    FULL,
    SESSION_UNKNOWN,
    TOO_LARGE,
    TOO_SLOW,
    TRANSPORT_UNKNOWN,
    UNSUPPORTED,
    Answer,
    Refused,
)
from ordercast.transport.encoding import prefers_gzip
from ordercast.transport.handover import HandOver
from ordercast.transport.inbox import Gone
from ordercast.transport.limits import Limits
from ordercast.transport.lingering import Lingering
from ordercast.transport.packets import OPEN, MalformedPacket, Packet
from ordercast.transport.session import POLICY, Session
from ordercast.transport.timers import Timers
from ordercast.transport.websocket import WebSocket

logger = logging.getLogger(__name__)

HANDLER = "transport.handler"  # in the environ: the HTTP handler that serves this request
# What is kept of the environ for as long as the client is connected: enough for a Flask request.
KEPT = (
    "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT",
    "REMOTE_ADDR", "HTTP_HOST", "HTTP_ORIGIN", "HTTP_USER_AGENT", "HTTP_COOKIE",
    "HTTP_AUTHORIZATION", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST", "wsgi.url_scheme", "flask.app",
)  # fmt: skip


engines: weakref.WeakSet[Engine] = weakref.WeakSet()  # of this process: its worker serves them


class Engine(engineio.Server):
    """Made of a stock server with `Engine.take_over(server.eio, limits)`."""

    limits: Limits
    timers: Timers
    lingering: Lingering
    hand_over: HandOver | None
    draining: bool
    count_slow: Callable[[], None]
    count_flood: Callable[[], None]
    admission: Admission
    count_cut: Callable[[str], None]
    working: int  # sessions whose messages are being handled
    leaving: dict[str, Session]  # closed, and their disconnect handlers have not run yet

    @classmethod
    def take_over(
        cls,
        stock: engineio.Server,
        limits: Limits,
        *,
        on_slow: Callable[[], None] = lambda: None,
        on_flood: Callable[[], None] = lambda: None,
        on_unauthenticated: Callable[[], None] = lambda: None,
        on_full: Callable[[], None] = lambda: None,
        on_cut: Callable[[str], None] = lambda why: None,
    ) -> Engine:
        """Turn a stock server that has no client yet into this one, its handlers and options
        kept. `on_slow`, `on_flood` and `on_unauthenticated` count the clients that are closed
        for that, `on_full` those that are refused, `on_cut` the requests and connections that
        are given up, by their reason."""
        stock.__class__ = cls
        engine: Engine = stock
        engine.limits = limits
        engine.timers = Timers()
        engine.lingering = Lingering(engine.timers)
        engine.hand_over = None
        engine.draining = False
        engine.working = 0
        engine.leaving = {}
        engine.count_slow, engine.count_flood = on_slow, on_flood
        engine.count_cut = on_cut
        engine.start_service_task = False
        if engine.cors_allowed_origins is None:
            engine.cors_allowed_origins = Origins(())
        engine.admission = Admission(
            limits, engine.timers, on_unauthenticated=on_unauthenticated, on_full=on_full
        )
        engines.add(engine)
        return engine

    # -- what python-socketio calls

    def send(self, sid: str, data: str | bytes) -> None:
        session = self.sockets.get(sid)
        if session is not None:
            session.send(packets.message(data))

    def send_packet(self, sid: str, packet: Packet | StockPacket) -> None:
        session = self.sockets.get(sid)
        if session is not None:
            if isinstance(packet, StockPacket):
                packet = Packet(packet.encode())
            session.send(packet)

    def disconnect(self, sid: str | None = None) -> None:
        for session in list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]:
            if session is not None:
                session.close()

    def _get_socket(self, sid: str) -> Session:
        """For `get_session`, `save_session`, `session` and `transport`, which also work while the
        client's disconnect handlers run. Raises KeyError."""
        session = self.leaving.get(sid) or self.sockets.get(sid)
        if session is None or (session.closed and sid not in self.leaving):
            raise KeyError("Session not found")
        return session

    def generate_id(self) -> str:
        """A session id that ends in the name of the process that owns it."""
        identifier: str = super().generate_id()
        return identifier + self.hand_over.name if self.hand_over else identifier

    # -- what a session calls

    def dispatch(self, session: Session, item: Any) -> None:
        """Handle one thing that a client sent, or that it is gone. In the client's greenlet."""
        try:
            if isinstance(item, Gone):
                try:
                    self.handlers["disconnect"](session.sid, item.reason)
                finally:
                    self.leaving.pop(session.sid, None)
            else:
                self.handlers["message"](session.sid, item)
        except MalformedPacket as exc:
            session.inbox.discard()
            session.close(reason=self.reason.TRANSPORT_ERROR, code=exc.close_code, text=str(exc))
        except Exception:
            # A handler failed for this message of this client; the others go on.
            logger.exception("handler failed", extra={"engine": session.sid})

    @property
    def owes_close(self) -> bool:
        """The end of a session waits for its client's next poll."""
        return any(session.owes_close for session in self.sockets.values())

    def schedule_ping(self, session: Session) -> None:
        if self.limits.ping_interval:
            self.timers.after(self.limits.ping_interval, Session.ping, session)

    def forget(self, session: Session) -> None:
        self.sockets.pop(session.sid, None)

    # -- requests

    def handle_request(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """The WSGI application."""
        try:
            answer = self._answer(environ)
        except Refused as exc:
            answer = exc.answer
        if answer is None:
            return []  # the connection is another's now
        headers = [answer.content_type, *self._cors_headers(environ)]
        if answer.status.startswith("426"):
            headers.append(("Sec-WebSocket-Version", handshake.VERSION))  # RFC 6455 section 4.4
        body = answer.body
        is_large = self.http_compression and len(body) > self.compression_threshold
        if is_large and prefers_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            body = self._gzip(body)
            headers.append(("Content-Encoding", "gzip"))
        start_response(answer.status, headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> Answer | None:
        self._check_origin(environ)
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            return Answer("200 OK", b"")
        query = parse_qs(environ.get("QUERY_STRING", ""))
        transport = query.get("transport", [""])[0]
        if transport not in self.transports:
            raise Refused(*TRANSPORT_UNKNOWN)
        if "sid" not in query:
            if query.get("EIO") != ["4"]:
                raise Refused(*UNSUPPORTED)
            if method != "GET":
                raise Refused(*BAD_METHOD)
            return self._open(environ, transport)
        sid = query["sid"][0]
        session = self.sockets.get(sid)
        if session is None:
            if self.hand_over is not None and self.hand_over.give(sid, environ.get(HANDLER)):
                return None
            raise Refused(*SESSION_UNKNOWN)
        session.look()
        if transport == "websocket":
            self._upgrade(session, environ)
            return None
        if session.upgraded or (session.closed and method != "GET"):
            raise Refused(*(SESSION_UNKNOWN if session.closed else BAD_REQUEST))
        if method == "GET":
            return self._poll(session, environ)
        if method == "POST":
            return self._post(session, environ)
        raise Refused(*BAD_METHOD)

    def _check_origin(self, environ: dict[str, Any]) -> None:
        origin = environ.get("HTTP_ORIGIN")
        if not origin or self.cors_allowed_origins == []:
            return
        allowed = self._cors_allowed_origins(environ)
        if allowed is not None and origin not in allowed:
            expected = getattr(self.cors_allowed_origins, "expected", lambda _: allowed)(environ)
            logger.info("origin refused", extra={"origin": origin, "expected": expected})
            raise Refused(*FORBIDDEN)

    def _open(self, environ: dict[str, Any], transport: str) -> Answer | None:
        address = environ.get("REMOTE_ADDR", "")
        if self.draining:
            raise Refused(*DRAINING)
        self.admission.check(address)
        head = _handshake(environ) if transport == "websocket" else b""
        session = Session(self, self.generate_id(), address)
        kept = {key: _shared(environ[key]) for key in KEPT if key in environ}
        self.admission.open(session)
        if self._trigger_event("connect", session.sid, kept) is False:
            self.admission.close(session)
            raise Refused(*FORBIDDEN)
        if session.closed:  # another one took its place while the handler ran
            raise Refused(*FULL)
        self.sockets[session.sid] = session
        try:
            return self._begin(session, environ, transport, head)
        except BaseException:
            session.close(abort=True, reason=self.reason.TRANSPORT_ERROR)
            raise

    def _begin(
        self, session: Session, environ: dict[str, Any], transport: str, head: bytes
    ) -> Answer | None:
        self.schedule_ping(session)
        opening = Packet(OPEN + self._opening(session.sid, transport))
        if transport == "polling":
            return Answer("200 OK", packets.payload([opening]))
        websocket, already = self._websocket(environ, session)
        session.open(websocket)
        websocket.send(head + opening.frame)
        websocket.start(already)
        return None

    def _opening(self, sid: str, transport: str) -> str:
        upgrades = ["websocket"] if transport == "polling" and self.allow_upgrades else []
        return orjson.dumps(
            {
                "sid": sid,
                "upgrades": [name for name in upgrades if name in self.transports],
                "pingInterval": round((self.limits.ping_interval or NEVER) * 1000),
                "pingTimeout": round((self.limits.ping_timeout or NEVER) * 1000),
                "maxPayload": self.limits.max_message_bytes or UNLIMITED,
            }
        ).decode()

    def _websocket(self, environ: dict[str, Any], session: Session) -> tuple[WebSocket, bytes]:
        socket, already = environ[HANDLER].take()
        websocket = WebSocket(
            socket,
            session,
            self.lingering,
            max_message_bytes=self.limits.max_message_bytes or UNLIMITED,
            max_backlog_bytes=self.limits.max_backlog_bytes,
        )
        return websocket, already

    def _upgrade(self, session: Session, environ: dict[str, Any]) -> None:
        head = _handshake(environ)
        websocket, already = self._websocket(environ, session)
        if session.may_upgrade and self.allow_upgrades:
            session.probe(websocket)  # before anything is sent: it hears if the client is gone
            websocket.send(head)
            websocket.start(already)
        else:
            websocket.send(head)
            websocket.close(POLICY, "no upgrade for this session")

    def _poll(self, session: Session, environ: dict[str, Any]) -> Answer:
        handler = environ.get(HANDLER)
        try:
            if handler is None:
                return Answer("200 OK", packets.payload(session.poll()))
            with handler.watched(session.hang_up):
                taken = session.poll()
            handler.goes_on = session.owes_close
            return Answer("200 OK", packets.payload(taken))
        except MalformedPacket as exc:
            raise Refused(3, str(exc)) from exc

    def _post(self, session: Session, environ: dict[str, Any]) -> Answer:
        session.inbox.wait_for_room()
        limit = self.limits.max_message_bytes or UNLIMITED
        if int(environ.get("CONTENT_LENGTH") or 0) > limit:
            raise Refused(*TOO_LARGE)
        try:
            body = environ["wsgi.input"].read(limit + 1)
        except TimeoutError as exc:
            raise Refused(*TOO_SLOW) from exc
        except OSError as exc:  # it broke off
            raise Refused(*BAD_REQUEST) from exc
        if len(body) > limit:
            raise Refused(*TOO_LARGE)
        try:
            for number, encoded in enumerate(packets.packets(body), 1):
                session.receive(encoded)
                if session.closed:
                    break
                if number % PACKETS_AT_ONCE == 0:
                    gevent.sleep(0)
        except MalformedPacket as exc:
            session.close(abort=True, reason=self.reason.TRANSPORT_ERROR)
            raise Refused(*BAD_REQUEST) from exc
        session.inbox.wait_for_room()
        return Answer("200 OK", b"ok", ("Content-Type", "text/html"))


PACKETS_AT_ONCE = 256  # of one POST, between two turns of the others
NEVER = (
    1_000_000  # seconds; a heartbeat that is off still needs a number that a client's timer holds
)
UNLIMITED = 2**31 - 1


def _shared(value: Any) -> Any:
    """The same text for all the clients that sent it."""
    return sys.intern(value) if type(value) is str else value


def _handshake(environ: dict[str, Any]) -> bytes:
    if HANDLER not in environ:
        raise Refused(3, "This server takes no WebSockets", "501 Not Implemented")
    try:
        return handshake.answer(environ)
    except handshake.WrongVersion as exc:
        raise Refused(3, str(exc), "426 Upgrade Required") from exc
    except handshake.BadHandshake as exc:
        raise Refused(3, str(exc)) from exc

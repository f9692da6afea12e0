"""The requests of Engine.IO (protocol 4): handshake, poll, POST and upgrade, as a WSGI
application."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import gevent
import orjson
from gevent.lock import BoundedSemaphore

from ordercast.transport import handshake, packets
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
from ordercast.transport.connection import CONNECTION, HttpConnection
from ordercast.transport.encoding import prefers_gzip
from ordercast.transport.endings import CloseCode, TransportEnding
from ordercast.transport.limits import NEVER_SECONDS, UNLIMITED_BYTES
from ordercast.transport.packets import OPEN, MalformedPacket, Packet
from ordercast.transport.state import SessionState
from ordercast.transport.turns import Turns
from ordercast.transport.upgrade import Upgrade
from ordercast.transport.websocket import Owner, WebSocket

if TYPE_CHECKING:
    import engineio

    from ordercast.transport.handover import HandOver
    from ordercast.transport.peers import Peers
    from ordercast.transport.registry import Registry
    from ordercast.transport.session import Session

logger = logging.getLogger(__name__)

# Kept of the environ for as long as the client is connected: enough for a Flask request.
KEPT = (
    "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT",
    "REMOTE_ADDR", "HTTP_HOST", "HTTP_ORIGIN", "HTTP_USER_AGENT", "HTTP_COOKIE",
    "HTTP_AUTHORIZATION", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST", "wsgi.url_scheme", "flask.app",
)  # fmt: skip
LARGE_BYTES = 32_768  # of packets: writing their answer has a turn of its own
PACKETS_AT_ONCE = 256  # of one POST, between two turns of the other clients


class Endpoint:
    """`server`: its options, handlers and CORS rules apply."""

    def __init__(
        self, server: engineio.Server, registry: Registry, peers: Peers | None = None
    ) -> None:
        self._server = server
        self._peers = peers
        self._registry = registry
        self._limits = registry.limits
        self.hand_over: HandOver | None = None  # None: there are no other processes
        self.draining = False
        self._large_answers = Turns(BoundedSemaphore(), gevent.sleep)

    def start(self, hand_over: HandOver) -> None:
        """Requests for sessions of other processes go through `hand_over` from now on."""
        self.hand_over = hand_over

    def drain(self) -> None:
        """Open no session any more."""
        self.draining = True

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            answer = self._answer(environ)
        except Refused as exc:
            answer = exc.answer
        if answer is None:
            return []  # the connection is a WebSocket's now, or another process's
        cors = self._server._cors_headers(environ)
        headers = [answer.content_type, *answer.more_headers, *cors]
        if answer.status.startswith("426"):
            headers.append(("Sec-WebSocket-Version", handshake.VERSION))  # RFC 6455 section 4.4
        body = answer.body
        is_large = self._server.http_compression and len(body) > self._server.compression_threshold
        if is_large and prefers_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            body = self._server._gzip(body)
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
        if transport not in self._server.transports:
            raise Refused(*TRANSPORT_UNKNOWN)
        if "sid" not in query:
            if query.get("EIO") != ["4"]:
                raise Refused(*UNSUPPORTED)
            if method != "GET":
                raise Refused(*BAD_METHOD)
            return self._open(environ, transport)
        sid = query["sid"][0]
        session = self._registry.sessions.get(sid)
        if session is None:
            if self._hand_on(sid, environ, is_upgrade=transport == "websocket"):
                return None
            raise Refused(*SESSION_UNKNOWN)
        self._registry.heartbeat.check(session)
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

    def _hand_on(self, sid: str, environ: dict[str, Any], *, is_upgrade: bool) -> bool:
        """Hand the request to the process that has the session, here or on another host. False if
        there is none."""
        connection: HttpConnection | None = environ.get(CONNECTION)
        if self.hand_over is not None and self.hand_over.give(sid, connection):
            return True
        return self._peers is not None and self._peers.give(sid, connection, is_upgrade=is_upgrade)

    def _check_origin(self, environ: dict[str, Any]) -> None:
        origin, origins = environ.get("HTTP_ORIGIN"), self._server.cors_allowed_origins
        if not origin or origins == []:
            return
        allowed = self._server._cors_allowed_origins(environ)
        if allowed is not None and origin not in allowed:
            expected = getattr(origins, "expected", lambda _: allowed)(environ)
            logger.info("origin refused", extra={"origin": origin, "expected": expected})
            raise Refused(*FORBIDDEN)

    # -- the handshake

    def _open(self, environ: dict[str, Any], transport: str) -> Answer | None:
        address = environ.get("REMOTE_ADDR", "")
        if self.draining:
            raise Refused(*DRAINING)
        self._registry.admission.check(address)
        head = _handshake(environ) if transport == "websocket" else b""
        session = self._registry.open(self._server.generate_id(), address)
        kept = {key: _shared(environ[key]) for key in KEPT if key in environ}
        if self._server._trigger_event("connect", session.sid, kept) is False:
            self._registry.refuse(session)
            raise Refused(*FORBIDDEN)
        if session.closed:  # for another client's sake, while the handler ran
            raise Refused(*FULL)
        self._registry.admit(session)
        opening = Packet(OPEN + self._opening(session.sid, transport))
        if transport == "polling":
            body = packets.payload([opening])
            return Answer("200 OK", body, more_headers=self._cookie(session.sid))
        try:
            websocket, already = self._websocket(environ, session)
            session.open(websocket)
            websocket.send(head + opening.frame)
            websocket.start(already)
        except BaseException:
            session.end(TransportEnding.NOT_OPENED)
            raise
        return None

    def _cookie(self, sid: str) -> tuple[tuple[str, str], ...]:
        """The cookie with the session's id, where the application wants one. Only polls are
        answered with it: for a balancer that keeps a client's requests together."""
        cookie = self._server.cookie
        if not cookie:
            return ()
        attributes = (
            cookie if isinstance(cookie, dict) else {"name": cookie, "path": "/", "SameSite": "Lax"}
        )
        return (("Set-Cookie", self._server._generate_sid_cookie(sid, attributes)),)

    def _opening(self, sid: str, transport: str) -> str:
        upgrades = ["websocket"] if transport == "polling" and self._server.allow_upgrades else []
        ping_seconds = (self._limits.ping_interval or NEVER_SECONDS) + self._limits.ping_grace
        return orjson.dumps(
            {
                "sid": sid,
                "upgrades": [name for name in upgrades if name in self._server.transports],
                "pingInterval": round(ping_seconds * 1000),
                "pingTimeout": round((self._limits.ping_timeout or NEVER_SECONDS) * 1000),
                "maxPayload": self._limits.max_message_bytes or UNLIMITED_BYTES,
            }
        ).decode()

    def _websocket(self, environ: dict[str, Any], owner: Owner) -> tuple[WebSocket, bytes]:
        socket, already = environ[CONNECTION].detach()
        websocket = WebSocket(
            socket,
            owner,
            self._registry.lingering,
            max_message_bytes=self._limits.max_message_bytes or UNLIMITED_BYTES,
            max_backlog_bytes=self._limits.max_backlog_bytes,
        )
        return websocket, already

    # -- requests of a session

    def _upgrade(self, session: Session, environ: dict[str, Any]) -> None:
        head = _handshake(environ)
        upgrade = Upgrade(session)
        websocket, already = self._websocket(environ, upgrade)
        if session.state is SessionState.POLLING and self._server.allow_upgrades:
            # Begin before anything is sent: sending may find that the client is gone.
            session.probe(upgrade, websocket)
            websocket.send(head)
            websocket.start(already)
        else:
            websocket.send(head)
            websocket.close(CloseCode.POLICY_VIOLATION, "no upgrade for this session")

    def _poll(self, session: Session, environ: dict[str, Any]) -> Answer:
        connection: HttpConnection | None = environ.get(CONNECTION)
        try:
            if connection is None:
                return Answer("200 OK", packets.payload(session.poll()))
            with connection.watched(lambda: session.end(TransportEnding.LOST)):
                taken = session.poll()
        except MalformedPacket as exc:
            raise Refused(3, str(exc)) from exc
        if sum(map(len, taken)) > LARGE_BYTES:
            self._large_answers.wait()
        if session.owes_close:
            connection.keep_open()
        return Answer("200 OK", packets.payload(taken))

    def _post(self, session: Session, environ: dict[str, Any]) -> Answer:
        session.incoming.wait_for_capacity()
        limit = self._limits.max_message_bytes or UNLIMITED_BYTES
        if int(environ.get("CONTENT_LENGTH") or 0) > limit:
            raise Refused(*TOO_LARGE)
        try:
            body = environ["wsgi.input"].read(limit + 1)
        except TimeoutError as exc:
            raise Refused(*TOO_SLOW) from exc
        except OSError as exc:  # the connection broke
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
            session.end(TransportEnding.BAD_PAYLOAD)
            raise Refused(*BAD_REQUEST) from exc
        session.incoming.wait_for_capacity()
        return Answer("200 OK", b"ok", ("Content-Type", "text/html"))


def _shared(value: Any) -> Any:
    """One string in memory for all the clients that sent the same."""
    return sys.intern(value) if type(value) is str else value


def _handshake(environ: dict[str, Any]) -> bytes:
    if CONNECTION not in environ:
        raise Refused(3, "This server takes no WebSockets", "501 Not Implemented")
    try:
        return handshake.answer(environ)
    except handshake.WrongVersion as exc:
        raise Refused(3, str(exc), "426 Upgrade Required") from exc
    except handshake.BadHandshake as exc:
        raise Refused(3, str(exc)) from exc

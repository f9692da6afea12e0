"""Several hosts behind one balancer, without sticky sessions.

A request for a session of another host is piped to the process that has the session: it listens on
the host's private address, and shared memory says which address that is. Both ends know a key: the
owner sends a challenge, and takes the request only with the challenge's HMAC (RFC 2104). What
passes is not encrypted; the network between the hosts has to be private.

One request is piped at a time. A client's next one may be for another session, as a balancer
reuses connections: so the owner is asked to close after its answer, unless it is a WebSocket.
"""

from __future__ import annotations

import _socket
import hmac
import logging
import secrets
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import gevent
import orjson
from gevent.pool import Pool
from gevent.server import StreamServer

from ordercast.transport.handover import NAME, exactly
from ordercast.transport.pipe import Pipe

if TYPE_CHECKING:
    from ordercast.transport.connection import HttpConnection
    from ordercast.transport.timers import Timers

logger = logging.getLogger(__name__)
CHALLENGE_BYTES = 32
DIGEST = "sha256"
DIGEST_BYTES = 32
LENGTHS = struct.Struct("!II")  # bytes of the introduction, and of the request so far
MAX_BYTES = 131_072  # of both: a head and one read; the rest of a body follows later
PEER_SECONDS = 2.0  # for each step of the other host
MAX_STRANGERS = 500  # connections that have not shown that they know the key
BACKLOG = 1024
ANNOUNCE_SECONDS = 5.0
# A host that vanished closes nothing: TCP asks whether it is there.
KEEPALIVE = {socket.TCP_KEEPIDLE: 20, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}

Serve = Callable[[socket.socket, Any, bytes], None]
Address = tuple[str, int]


class Directory(Protocol):
    """Where the processes of all hosts are, by their names. No method raises."""

    def announce(self, name: str, address: Address) -> None:
        """Say where this process is; it is forgotten unless that is said again and again."""

    def withdraw(self, name: str) -> None:
        """This process serves no session any more."""

    def find(self, name: str) -> Address | None:
        """Where a process is, None if no process has this name."""

    def drop(self, name: str) -> None:
        """Nothing listens there any more."""


class Private(Protocol):
    """Where this host listens for the others: an IP address, and the ports to choose from, of which
    each process takes one; 0 is any."""

    @property
    def host(self) -> str: ...
    @property
    def first_port(self) -> int: ...
    @property
    def last_port(self) -> int: ...


class Peers:
    """The side of one process. `key` is the same on every host."""

    def __init__(
        self, private: Private, directory: Directory, key: Callable[[], bytes], timers: Timers
    ) -> None:
        self._private = private
        self._directory = directory
        self._key = key
        self._timers = timers
        self._name = ""
        self._serve: Serve | None = None
        self._server: StreamServer | None = None
        self._announcing: gevent.Greenlet | None = None
        self._pipes: set[Pipe] = set()

    def start(self, name: str, serve: Serve) -> None:
        """Take requests for the sessions of this process, whose ids end in `name`. Raises OSError
        when no port of the private address is free."""
        self._name, self._serve = name, serve
        listener = _listen(self._private)
        self._server = StreamServer(listener, self._receive, spawn=Pool(MAX_STRANGERS))
        self._server.start()
        host, port = listener.getsockname()[:2]
        self._directory.announce(name, (host, port))  # before the first session
        self._announcing = gevent.spawn(self._announce, (host, port))
        logger.info("hosts hand over", extra={"address": host, "port": port})

    def stop(self) -> None:
        """Take no more requests; those that are piped from here go on."""
        if self._announcing is not None:
            self._announcing.kill()
            self._directory.withdraw(self._name)
        if self._server is not None:
            self._server.stop(timeout=0)

    @property
    def pipes(self) -> list[Pipe]:
        """From clients of this process to sessions of others."""
        return list(self._pipes)

    def _announce(self, address: Address) -> None:
        while True:
            gevent.sleep(ANNOUNCE_SECONDS)
            self._directory.announce(self._name, address)

    # -- the process that has the client

    def give(self, sid: str, connection: HttpConnection | None, *, is_upgrade: bool) -> bool:
        """Pipe the connection's request to the process of another host that has the session. False
        if there is none: the session is not known, and the connection still this process's."""
        found = NAME.search(sid)
        if connection is None or found is None or found[0] == self._name:
            return False
        address = self._directory.find(found[0])
        if address is None:
            return False
        request = connection.raw() if is_upgrade else last_request(connection.raw())
        try:
            owner = self._reach(address, found[0], connection.client_address, request)
        except OSError as exc:
            # Nothing was answered yet: the client is told that the session is gone, and comes back.
            self._directory.drop(found[0])
            logger.info("host not reached", extra={"address": address[0], "error": str(exc)})
            return False
        client, _ = connection.detach()
        pipe = Pipe(client, owner, self._timers, self._pipes.discard, is_upgrade=is_upgrade)
        self._pipes.add(pipe)
        pipe.start()
        return True

    def _reach(self, address: Address, name: str, client: Any, request: bytes) -> _socket.socket:
        """A connection that the owner has taken, with the request on its way. Raises OSError."""
        owner = socket.create_connection(address, timeout=PEER_SECONDS)
        try:
            owner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _keep_alive(owner)
            challenge = exactly(owner, CHALLENGE_BYTES)
            introduction = orjson.dumps({"owner": name, "client": client})
            lengths = LENGTHS.pack(len(introduction), len(request))
            message = lengths + introduction + request
            owner.sendall(self._digest(challenge, message) + message)
        except BaseException:
            owner.close()
            raise
        return _plain(owner)

    # -- the process that has the session

    def _receive(self, peer: Any, address: Any) -> None:
        try:
            # For all of it: a stranger that sends byte by byte would keep a place in the pool.
            with gevent.Timeout(PEER_SECONDS, TimeoutError("too slow")):
                taken = self._taken(peer)
        except (OSError, ValueError) as exc:
            complaint = {"address": address[0], "error": str(exc)}
            logger.warning("hand-over of another host refused", extra=complaint)
            return
        if taken is None:
            return
        client, request = taken
        _keep_alive(peer)
        assert self._serve is not None
        # Not in this greenlet: the pool is for strangers.
        gevent.spawn(self._serve, _plain(peer), client, request)

    def _taken(self, peer: Any) -> tuple[Any, bytes] | None:
        """-> the client's address, the request so far; None of a connection that asked only whether
        this process is here. Raises OSError, ValueError."""
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        peer.sendall(challenge)
        begin = peer.recv(DIGEST_BYTES)
        if not begin:
            return None
        digest = begin + exactly(peer, DIGEST_BYTES - len(begin))
        lengths = exactly(peer, LENGTHS.size)
        introduction_bytes, request_bytes = LENGTHS.unpack(lengths)
        if introduction_bytes + request_bytes > MAX_BYTES:
            raise ValueError("too large")
        message = exactly(peer, introduction_bytes + request_bytes)
        if not hmac.compare_digest(digest, self._digest(challenge, lengths + message)):
            raise ValueError("another key than here: SECRET_KEY or JWT_SECRET_KEY differs")
        introduction = orjson.loads(message[:introduction_bytes])
        if not isinstance(introduction, dict) or introduction.get("owner") != self._name:
            raise ValueError("not for this process, but for one that was here before")
        client = introduction.get("client")
        return tuple(client) if isinstance(client, list) else client, message[introduction_bytes:]

    def _digest(self, challenge: bytes, message: bytes) -> bytes:
        return hmac.digest(self._key(), challenge + message, DIGEST)


def last_request(raw: bytes) -> bytes:
    """The request, with `Connection: close` in the place of what its head says of that (RFC 9112
    section 9.6)."""
    ends = [at for at in (raw.find(b"\n\r\n"), raw.find(b"\n\n")) if at >= 0]
    end = min(ends)
    line, *fields = raw[:end].split(b"\n")
    kept = [field for field in fields if not field.lower().startswith(b"connection:")]
    return b"\n".join([line, b"Connection: close\r", *kept]) + raw[end:]


def _listen(private: Private) -> Any:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in private.host else socket.AF_INET
    for port in range(private.first_port, private.last_port + 1):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((private.host, port))
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except OSError:
            listener.close()
            if port == private.last_port:
                raise
        else:
            return listener
    raise AssertionError("a range of ports has a last one")


def _plain(connection: Any) -> _socket.socket:
    """The connection without gevent, non-blocking; `connection` has none any more."""
    kind = connection.family, connection.type, connection.proto
    plain = _socket.socket(*kind, fileno=connection.detach())
    plain.settimeout(0.0)
    return plain


def _keep_alive(connection: Any) -> None:
    with suppress(OSError):  # it is gone already, and the next read says so
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            connection.setsockopt(socket.IPPROTO_TCP, option, value)

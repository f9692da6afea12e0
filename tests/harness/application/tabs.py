"""Web processes and clients inside the test: everything is real but the transport.

The test is the network and Redis: it decides what a process hears, how much of what was sent a tab
reads, and when its connection is cut.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Protocol

from flask import Flask
from socketio.packet import CONNECT, CONNECT_ERROR, EVENT, Packet
from sqlalchemy import Engine as Database
from sqlalchemy import event
from werkzeug.test import EnvironBuilder

from app import create_app
from app.accounts import tokens
from app.accounts.identity import Identity, identity_of
from app.accounts.models import Role
from app.config import Settings
from app.db import db, transaction
from ordercast import TokenIdentity
from ordercast.journal import Entry
from ordercast.live.ring import cost
from tests.harness.application import journal
from tests.harness.application.journal import sequence_once

NAMESPACE = "/"
SMALL_BYTES = cost(Entry(1, "user:1", "test", '{"number":1000000}'))  # of an entry of append()
numbers = count(1)


def somebody(user_id: str, role: Role = Role.CUSTOMER) -> Identity:
    """What a good token proves."""
    claims = {"role": role.value}
    session = f"session-{user_id}"
    return identity_of(TokenIdentity(user_id, expires_at=2**31, claims=claims, session=session))


ALICE, BOB, CHARLIE = somebody("1"), somebody("2", Role.SELLER), somebody("3")


def append(room: str, count: int = 1, name: str = "test") -> None:
    with transaction():
        for _ in range(count):
            journal.append(room, name, {"number": next(numbers)})


def published() -> list[bytes]:
    """Sequence everything -> what the worker would publish."""
    messages: list[bytes] = []
    while sequence_once(messages.append):
        continue
    return messages


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def on_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(database, "before_cursor_execute", on_statement)
    yield asked
    event.remove(database, "before_cursor_execute", on_statement)


class Engine:
    """An Engine.IO socket: what is sent stays on the wire until somebody reads it. `ended` is told
    of its end, once."""

    def __init__(self, ended: Callable[[str], object]) -> None:
        self._ended = ended
        self.wire: list[str] = []
        self.session: dict[str, Any] = {}  # what handlers keep of the client
        self.upgraded = True
        self.closing = self.closed = False

    def send(self, packet: Any) -> None:
        if not self.closed:
            self.wire.append(packet.encode())

    def close(self, *, reason: str, **_: Any) -> None:
        if not self.closing:
            self.closing = True
            self._ended(reason)
            self.closed = True


class WebProcess:
    """The real-time part of a web process. `hear` is what Redis brings it."""

    def __init__(self, settings: Settings, *, ring: int = 10_000) -> None:
        self.app: Flask = create_app(settings)
        self.live = self.app.extensions["ordercast"].live
        self.server = self.live.socketio.server
        self.follower = self.live.follower
        self.follower.ring.max_bytes = ring * SMALL_BYTES
        assert self.follower.step() == "start"

    @property
    def database(self) -> Database:
        """Its connections to it."""
        with self.app.app_context():
            return db.engine

    def hear(self, *messages: bytes) -> None:
        for message in messages:
            self.follower.receive(message)

    def catch_up(self) -> None:
        """It reads the journal, as it does when Redis is silent."""
        self.follower.read_soon()
        self.follower.step()

    def emit(self, *arguments: Any, room: str | None = None) -> None:
        """A stock emit arrives from the queue."""
        name, *data = arguments
        message = {"method": "emit", "event": name, "data": data or [None], "room": room}
        self.live.manager.receive(json.dumps(message).encode())

    def connect(self, identity: Identity, auth: dict[str, Any]) -> Engine:
        """A CONNECT over a new session, with a good token."""
        eio_sid = f"engine-{next(numbers)}"
        engine = Engine(partial(self.server._handle_eio_disconnect, eio_sid))
        self.server.eio.sockets[eio_sid] = engine
        environ = EnvironBuilder("/socket.io/").get_environ()
        self.server.environ[eio_sid] = {**environ, "flask.app": self.app}
        auth = {"token": self._token(identity), **auth}
        self.server._handle_eio_message(eio_sid, f"{CONNECT}{json.dumps(auth)}")
        return engine

    def _token(self, identity: Identity) -> str:
        with self.app.app_context():
            return tokens.issue("access", identity.user_id, identity.role, session=identity.session)

    @property
    def sids(self) -> set[str]:
        """Of the connections it knows."""
        return {connection.sid for connection in self.live.connections.all()}

    def end(self) -> None:
        self.database.dispose()


class Person(Protocol):
    """Whom a client is for."""

    @property
    def user_id(self) -> str: ...
    @property
    def rooms(self) -> Sequence[str]: ...


class Process(Protocol):
    """A web process, as far as a client needs it."""

    def connect(self, identity: Any, auth: dict[str, Any]) -> Engine: ...


@dataclass
class Tab:
    """A client that treats pid and offset as the stock one does (socket.io-client, socket.ts)."""

    identity: Person
    pid: str | None = None
    offset: str | None = None
    recovered: bool = False
    got: list[tuple[str, list[Any]]] = field(default_factory=list)  # since it was last connected
    since_snapshot: list[int] = field(default_factory=list)  # since it was last not recovered
    process: Process | None = None
    engine: Engine | None = None
    sid: str | None = None
    refusal: str | None = None  # the code of the connect_error

    def connect(self, process: Process, *, read: bool = True, **changes: Any) -> "Tab":
        """A CONNECT with what it has, or with `changes`; and read everything."""
        auth = {} if self.pid is None else {"pid": self.pid}
        if self.pid is not None and self.offset is not None:
            auth["offset"] = self.offset
        self.process = process
        self.engine = process.connect(self.identity, {**auth, **changes})
        if read:
            self.read()
        return self

    def read(self, most: int = 10**9) -> None:
        """Up to so many packets from the wire."""
        assert self.engine is not None
        taken, self.engine.wire[:most] = self.engine.wire[:most], []
        for text in taken:
            packet = Packet(encoded_packet=text.removeprefix("4"))
            if packet.packet_type == CONNECT:
                self.sid = packet.data["sid"]
                self._on_connect(packet.data["pid"])
            elif packet.packet_type == CONNECT_ERROR:
                self.refusal = packet.data["data"]["code"]
            elif packet.packet_type == EVENT:
                self._on_event(*packet.data)

    def _on_connect(self, pid: str) -> None:
        self.recovered, self.pid, self.got = pid == self.pid, pid, []
        if not self.recovered:
            self.since_snapshot = []

    def _on_event(self, name: str, *arguments: Any) -> None:
        self.got.append((name, list(arguments)))
        last = (name, *arguments)[-1]
        if isinstance(last, str):
            self.offset = last
        if name == "test":
            self.since_snapshot.append(int(last))

    def cut(self) -> "Tab":
        """The connection is gone, with what was still on the wire, and the process notices."""
        assert self.engine is not None
        self.engine.close(reason="transport close")
        return self

    @property
    def offsets(self) -> list[int]:
        """Of the durable events since it was last connected."""
        return [int(arguments[-1]) for name, arguments in self.got if name == "test"]


Start = Callable[..., WebProcess]

"""Web processes of a team's own application, in this process, for the clients of tabs.py: its rooms
are joined in its connect handler (auth `rooms`) and by its events `join` and `leave`."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, join_room, leave_room
from opentelemetry.trace import TracerProvider
from sqlalchemy import create_engine, func, select
from werkzeug.test import EnvironBuilder

from ordercast import Identity, Ordercast, Refuse
from ordercast.joined.tables import JOINED
from tests.harness.application.tabs import Engine, Person, Tab, numbers
from tests.harness.servers.redis import RedisServer

SECRET_KEY = "the secret of a team, which is long enough"


class TeamProcess:
    """Follows the journal by what it hears. `identified`: the client says its user and the rooms of
    its identity in its auth; without, the connect handler alone decides."""

    def __init__(
        self,
        url: str,
        redis: RedisServer,
        *,
        identified: bool = True,
        ring: int | None = None,
        tracer_provider: TracerProvider | None = None,
        **config: Any,
    ) -> None:
        self.app = Flask("team")
        self.app.config.update(SECRET_KEY=SECRET_KEY, ORDERCAST_REDIS_URL=redis.url)
        self.app.config.update({f"ORDERCAST_{name}": value for name, value in config.items()})
        self.database = create_engine(url)
        self.cast, self.socketio = Ordercast(), SocketIO(async_handlers=False)
        if identified:
            self.cast.identify(self._identify)
        self.socketio.on_event("connect", self._connect)
        self.socketio.on_event("join", join_room)
        self.socketio.on_event("leave", leave_room)
        self.in_connect: Callable[[], object] = lambda: None  # the rest of the connect handler
        self.cast.init_app(
            self.app,
            self.socketio,
            engine=lambda: self.database,
            tracer_provider=tracer_provider,
        )
        self.service = self.app.extensions["ordercast"]
        self.live = self.service.live
        self.server, self.follower = self.socketio.server, self.live.follower
        if ring is not None:
            self.follower.ring.max_bytes = ring
        assert self.follower.step() == "start"

    def _identify(self, auth: Any, _environ: dict[str, Any]) -> Identity:
        if not auth.get("user"):
            raise Refuse("Who is it?", code="nobody")
        return Identity(auth["user"], rooms=auth.get("own", ()))

    def _connect(self, auth: Any) -> None:
        for room in auth.get("rooms", ()):
            join_room(room)
        self.in_connect()

    def connect(self, identity: Person, auth: dict[str, Any]) -> Engine:
        """A CONNECT over a new session."""
        eio_sid = f"engine-{next(numbers)}"
        engine = Engine(partial(self.server._handle_eio_disconnect, eio_sid))
        self.server.eio.sockets[eio_sid] = engine
        environ = EnvironBuilder("/socket.io/").get_environ()
        self.server.environ[eio_sid] = {**environ, "flask.app": self.app}
        auth = {"user": identity.user_id, **auth}
        self.server._handle_eio_message(eio_sid, f"0{json.dumps(auth)}")
        return engine

    def say(self, tab: Tab, name: str, *arguments: Any) -> None:
        """An event of the client, handled on return."""
        member = self.live.manager.member(tab.sid, "/")
        packet = f"2{json.dumps([name, *arguments])}"
        self.server._handle_eio_message(member.eio_sid, packet)

    def append(self, room: str, count: int = 1, *, key: str | None = None) -> None:
        with self.database.begin() as connection:
            for _ in range(count):
                payload = {"number": next(numbers)}
                self.service.journal.append(connection, room, "test", payload, key=key)

    def sequence(self) -> list[bytes]:
        """Positions for all that was appended -> what a worker publishes."""
        published: list[bytes] = []
        sequencer = self.service.journal.sequencer(published.append)
        while sequencer.step():
            continue
        return published

    def hear(self, *messages: bytes) -> None:
        for message in messages:
            self.follower.receive(message)

    def catch_up(self) -> None:
        """It reads the journal, as it does when Redis is silent."""
        self.follower.read_soon()
        self.follower.step()

    def happen(self, *rooms: str, key: str | None = None) -> None:
        """An event in each of these rooms, which this process hears."""
        for room in rooms:
            self.append(room, key=key)
        self.hear(*self.sequence())

    def note(self) -> None:
        """It writes the ledger, as it does each second."""
        self.live.bookkeeper.write()

    def end(self) -> None:
        self.database.dispose()


StartTeam = Callable[..., TeamProcess]


def sid_here() -> str:
    """Of the client whose handler runs."""
    sid: str = request.sid  # type: ignore[attr-defined]
    return sid


ALICE, BOB = Identity("alice"), Identity("bob")


def rows(process: TeamProcess) -> int:
    """How many rooms that were joined or left late are kept."""
    with process.database.connect() as connection:
        query = select(func.count()).where(JOINED.c.client != "")
        return connection.scalar(query) or 0


def joined(process: TeamProcess, *rooms: str, **auth: Any) -> Tab:
    """A client that has joined these rooms late, in this order, with an event of each before it."""
    tab = Tab(ALICE).connect(process, **auth)
    for room in rooms:
        process.happen(room)
        process.say(tab, "join", room)
    tab.read()
    return tab

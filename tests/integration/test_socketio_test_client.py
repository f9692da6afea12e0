"""flask_socketio's test client in an application with TESTING: the connect path of any client, and
no queue."""

import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIO, emit, join_room, rooms
from sqlalchemy import Engine, StaticPool, create_engine

from ordercast import Identity, Ordercast, Refuse
from ordercast.testing import capture


class Team:
    """An application of a team's, with rooms of its own."""

    redis_url = "redis://127.0.0.1:1/0"

    def __init__(self, engine: Engine, **config: Any) -> None:
        self.cast, self.sockets = Ordercast(), SocketIO()
        self.app = Flask("team")
        self.app.config.update(SECRET_KEY="x" * 32, ORDERCAST_REDIS_URL=self.redis_url, **config)
        self.cast.init_app(self.app, self.sockets, engine=lambda: engine)
        self.sockets.on_event("connect", lambda auth: join_room("depot:north"))
        self.sockets.on_event("say", self.say)

    def say(self, text: str) -> str:
        emit("said", text, to="depot:north")
        emit("only", b"bytes")
        return text.upper()

    def client(self, auth: Any = None) -> Any:
        return self.sockets.test_client(self.app, auth=auth)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing connects to Redis, and the test's own thread logs nothing of it; threads that other
    tests have left may."""
    with socket.create_server(("127.0.0.1", 0)) as redis:
        redis.setblocking(False)
        monkeypatch.setattr(Team, "redis_url", f"redis://127.0.0.1:{redis.getsockname()[1]}/0")
        yield
        with pytest.raises(BlockingIOError):
            redis.accept()
    mine = [record for record in caplog.records if record.thread == threading.get_ident()]
    assert [record for record in mine if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("late", [False, True], ids=["in the factory", "after it"])
def test_handlers_acks_rooms_and_bytes_work_without_database_and_redis(
    engine: Engine, late: bool
) -> None:
    team = Team(engine, TESTING=not late)
    team.app.testing = True
    alice, bob = team.client(), team.client()
    assert alice.emit("say", "tea", callback=True) == "TEA"
    assert [event["name"] for event in alice.get_received()] == ["said", "only"]
    assert [event["args"] for event in bob.get_received()] == [["tea"]]
    team.sockets.emit("news", {"n": 1}, to="depot:north")
    assert bob.get_received() == [{"name": "news", "args": [{"n": 1}], "namespace": "/"}]
    alice.disconnect()
    assert not alice.is_connected()
    assert bob.is_connected()


def test_what_handlers_emit_is_captured_by_room(engine: Engine) -> None:
    team = Team(engine, TESTING=True)
    with capture(team.app) as sent:
        team.client().emit("say", "tea")
    assert sent["depot:north"] == [("said", "tea")]


def test_a_client_is_identified_and_gets_its_rooms(engine: Engine) -> None:
    team = Team(engine, TESTING=True)

    @team.cast.identify
    def identify(auth: Any, _environ: dict[str, Any]) -> Identity:
        if auth["name"] == "mallory":
            raise Refuse("no")
        return Identity(auth["name"], rooms=(f"driver:{auth['name']}",))

    team.sockets.on_event("where", lambda: [room for room in rooms() if ":" in room])
    with capture(team.app):
        alice = team.client({"name": "alice"})
        assert sorted(alice.emit("where", callback=True)) == ["depot:north", "driver:alice"]
        assert not team.client({"name": "mallory"}).is_connected()
        team.sockets.emit("hello", "alice", to="driver:alice")
        hello = {"name": "hello", "args": ["alice"], "namespace": "/"}
        assert alice.get_received() == [hello]  # without an offset, which the client does not keep


def test_a_durable_emit_reaches_the_clients_of_the_test_and_is_captured_as_one(
    engine: Engine,
) -> None:
    team = Team(engine, TESTING=True, ORDERCAST_DURABLE="parcel:*")
    with capture(team.app) as sent:
        alice = team.client()
        team.sockets.emit("parcel:moved", {"id": "7"}, to="depot:north")
        team.sockets.emit("parcel:closing", {"in": 5})
        team.sockets.emit("parcel:lost", {"id": "8"}, to=["depot:north", "depot:south"])
    names = ["parcel:moved", "parcel:closing", "parcel:lost"]
    assert [event["name"] for event in alice.get_received()] == names
    assert sent.durable["depot:north"] == [
        ("parcel:moved", {"id": "7"}),
        ("parcel:lost", {"id": "8"}),
    ]
    assert sent.durable["depot:south"] == [("parcel:lost", {"id": "8"})]
    assert sent.durable[None] == [("parcel:closing", {"in": 5})]
    assert len(sent.ephemeral) == 0


def test_without_testing_the_test_client_is_refused_as_with_any_queue(engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="message queue"):
        Team(engine).client()

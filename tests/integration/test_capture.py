"""ordercast.testing.capture: what each room would have got, on both databases, without Redis."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIO
from sqlalchemy import Engine, StaticPool, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from ordercast import Event, InvalidEvent, Ordercast
from ordercast.testing import CapturedEvent, Sent, capture

RAMP, TRUCK = {"id": "7", "place": "ramp"}, {"id": "7", "place": "truck"}


class ParcelMoved(Event):
    event = "parcel:moved"

    id: str
    place: str


class Team:
    """An application of a team's on this engine."""

    redis_url = "redis://127.0.0.1:1/0"

    def __init__(self, engine: Engine, *, events: Any = ()) -> None:
        self.engine, self.cast, self.sockets = engine, Ordercast(), SocketIO()
        self.app = Flask("team")
        self.app.config.update(SECRET_KEY="the team's own", ORDERCAST_REDIS_URL=self.redis_url)
        self.cast.init_app(self.app, self.sockets, engine=lambda: engine, events=events)
        self.app.post("/parcels/<id>/<place>")(self.move)

    def move(self, id: str, place: str) -> dict[str, str]:
        with Session(self.engine) as session:
            self.append(session, {"id": id, "place": place})
            if place != "nowhere":
                session.commit()
        return {"place": place}

    def append(self, session: Any, payload: Any = RAMP) -> None:
        self.cast.append(session, "parcel:moved", payload, to="depot:north", key="parcel:7")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty database: in memory, of a file, and of PostgreSQL."""
    if request.param == "memory":
        made = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        yield made
        made.dispose()
        return
    server, _ = request.getfixturevalue(request.param)
    name = server.new_database()
    made = create_engine(server.url(name))
    yield made
    made.dispose()
    server.drop(name)


@pytest.fixture
def team(engine: Engine) -> Team:
    return Team(engine)


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing connects to Redis, and the test's own thread logs nothing of it; threads that other
    tests have left may."""
    with socket.create_server(("127.0.0.1", 0)) as redis:
        redis.setblocking(False)
        monkeypatch.setattr(Team, "redis_url", f"redis://127.0.0.1:{redis.getsockname()[1]}/0")
        before = doorbells()
        yield
        with pytest.raises(BlockingIOError):
            redis.accept()
    mine = [record for record in caplog.records if record.thread == threading.get_ident()]
    assert [record for record in mine if record.levelno >= logging.WARNING] == []
    assert doorbells() <= before


def doorbells() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "doorbell"}


def test_a_view_called_by_flasks_test_client_is_asserted_in_three_lines(team: Team) -> None:
    with capture(team.app) as sent:
        team.app.test_client().post("/parcels/7/ramp")
    assert sent["depot:north"] == [("parcel:moved", RAMP)]
    assert sent["depot:south"] == []
    assert sent.rooms == ["depot:north"]
    assert sent.events == [
        CapturedEvent("parcel:moved", RAMP, ("depot:north",), durable=True, key="parcel:7")
    ]


def test_what_is_not_committed_was_not_sent(team: Team) -> None:
    with capture(team.app) as sent:
        team.app.test_client().post("/parcels/7/nowhere")
        with Session(team.engine) as session:
            team.append(session)
            assert len(sent) == 0
            session.rollback()
            team.append(session, TRUCK)
            session.commit()
            team.append(session)
    assert sent["depot:north"] == [("parcel:moved", TRUCK)]


Open = Callable[[Engine], Any]


@pytest.mark.parametrize("open", [Session, Engine.connect], ids=["session", "connection"])
def test_a_savepoint_takes_its_own_events_back(team: Team, open: Open) -> None:
    with capture(team.app) as sent, open(team.engine) as session:
        team.append(session, {"kept": 1})
        lost = session.begin_nested()
        team.append(session, {"lost": 1})
        with session.begin_nested():
            team.append(session, {"lost": 2})
        lost.rollback()
        with session.begin_nested():
            team.append(session, {"kept": 2})
        assert len(sent) == 0
        session.commit()
    assert [payload for _, payload in sent["depot:north"]] == [{"kept": 1}, {"kept": 2}]


def test_a_savepoint_of_before_the_capture_takes_all_back(team: Team) -> None:
    with capture(team.app):
        pass  # which creates the tables
    with Session(team.engine) as session:
        session.execute(text("SELECT 1"))
        before = session.begin_nested()
        session.connection()
        with capture(team.app) as sent:
            team.append(session)
            before.rollback()
            team.append(session, TRUCK)
            session.commit()
    assert sent["depot:north"] == [("parcel:moved", TRUCK)]


def test_a_connection_that_goes_on_sends_at_each_commit(team: Team) -> None:
    with capture(team.app) as sent, team.engine.connect() as connection:
        for payload in (RAMP, TRUCK):
            team.append(connection, payload)
            connection.commit()
        team.append(connection)
        connection.rollback()
    assert sent["depot:north"] == [("parcel:moved", RAMP), ("parcel:moved", TRUCK)]


def test_a_commit_that_fails_sends_nothing(team: Team) -> None:
    is_sqlite = team.engine.dialect.name == "sqlite"
    with team.engine.begin() as connection:
        connection.execute(text("CREATE TABLE depots (id INTEGER PRIMARY KEY)"))
        connection.execute(
            text(
                "CREATE TABLE parcels (depot INTEGER"
                " REFERENCES depots (id) DEFERRABLE INITIALLY DEFERRED)"
            )
        )
    with capture(team.app) as sent:
        for open in (Session, Engine.connect):
            with open(team.engine) as session:
                if is_sqlite:
                    session.execute(text("PRAGMA foreign_keys = ON"))
                session.execute(text("INSERT INTO parcels VALUES (1)"))
                team.append(session)
                with pytest.raises(IntegrityError):
                    session.commit()
    assert sent.events == []


def test_a_session_within_a_tests_own_transaction_sends_when_it_commits(team: Team) -> None:
    with capture(team.app) as sent, team.engine.connect() as connection:
        transaction = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            team.append(session)
            session.commit()
            assert sent["depot:north"] == [("parcel:moved", RAMP)]
            team.append(session, TRUCK)
            session.rollback()
            assert sent["depot:north"] == [("parcel:moved", RAMP)]
        transaction.rollback()
        assert sent["depot:north"] == []


def test_threads_and_scoped_sessions_are_captured_too(team: Team) -> None:
    sessions = scoped_session(sessionmaker(team.engine))

    def work() -> None:
        team.append(sessions)
        sessions.commit()
        sessions.remove()

    with capture(team.app) as sent:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert sent["depot:north"] == [("parcel:moved", RAMP)]


def test_a_declared_event_is_captured_as_the_client_gets_it(engine: Engine) -> None:
    team = Team(engine, events=[ParcelMoved])
    with capture(team.app) as sent, Session(engine) as session:
        team.cast.append(session, ParcelMoved(id="7", place="ramp"), to="depot:north")
        with pytest.raises(InvalidEvent):
            team.append(session, {"id": "7"})
        session.commit()
    assert sent["depot:north"] == [("parcel:moved", RAMP)]


def test_a_stock_emit_is_captured_beside_and_told_apart(team: Team) -> None:
    with capture(team.app) as sent:
        payload = {"place": "ramp"}
        team.sockets.emit("seen", payload, to="depot:north")
        payload["place"] = "changed later"
        team.sockets.emit("seen", ("a", 1), to=["depot:north", "depot:south"], namespace="/shop")
        team.sockets.emit("closing")
        team.app.test_client().post("/parcels/7/ramp")
    assert sent["depot:north"] == [
        ("seen", {"place": "ramp"}),
        ("seen", ("a", 1)),
        ("parcel:moved", RAMP),
    ]
    assert sent[None] == [("closing", None)]
    assert sent.durable["depot:north"] == [("parcel:moved", RAMP)]
    assert sent.ephemeral.rooms == ["depot:north", "depot:south", None]
    assert [event.namespace for event in sent.ephemeral] == ["/", "/shop", "/"]


def test_an_event_of_several_rooms_is_in_each_and_is_one(team: Team) -> None:
    with capture(team.app) as sent, Session(team.engine) as session:
        team.cast.append(session, "parcel:moved", RAMP, to=["depot:north", "depot:south"])
        session.commit()
    assert sent["depot:north"] == sent["depot:south"] == [("parcel:moved", RAMP)]
    assert [event.rooms for event in sent] == [("depot:north", "depot:south")]


def test_an_emit_of_its_own_is_sent_at_once_and_once_by_its_id(team: Team) -> None:
    with capture(team.app) as sent, Session(team.engine) as session:
        team.append(session)  # the only writer on SQLite
        for _ in range(2):
            team.cast.emit("parcel:moved", TRUCK, to="depot:north", id="payment-7")
        team.cast.emit("parcel:lost", None, to="depot:north")
        session.rollback()
    assert sent.durable["depot:north"] == [("parcel:moved", TRUCK), ("parcel:lost", None)]


def test_blocks_may_be_nested_and_end(team: Team) -> None:
    with capture(team.app) as outer:
        team.sockets.emit("one", to="a")
        with capture(team.app) as inner:
            team.sockets.emit("two", to="a")
        team.sockets.emit("three", to="a")
    names: Callable[[Sent], list[str]] = lambda sent: [name for name, _ in sent["a"]]  # noqa: E731
    assert (names(outer), names(inner)) == (["one", "two", "three"], ["two"])


def test_control_events_are_for_no_client_and_are_not_captured(team: Team) -> None:
    with capture(team.app) as sent:
        team.cast.revoke(user="7")
        assert str(team.cast.census("user", "7")).startswith("sockets unknown")
    assert sent.events == []


def test_an_application_without_ordercast_is_refused_in_words() -> None:
    with pytest.raises(RuntimeError, match=r"cast\.init_app"), capture(Flask("other")):
        pass


def test_a_transaction_open_on_the_only_connection_is_not_ended_unsaid() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with Session(engine) as session:
        session.execute(text("CREATE TABLE parcels (id TEXT)"))
        session.commit()
        session.execute(text("INSERT INTO parcels VALUES ('7')"))
        with pytest.raises(RuntimeError, match="commit it before"), capture(Team(engine).app):
            pass
    engine.dispose()

"""append() and revoke() in transactions as teams have them: of a session that has joined another
transaction, and of a session with several databases."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from app.db import db
from app.extension import cast
from ordercast.database import joining
from ordercast.journal.tables import EVENTS
from ordercast.revocation import Mark
from tests.harness.application.bell import Bell

HELLO = {"title": "Hello", "message": "m", "type": "info"}
JOINED = ("conditional_savepoint", "rollback_only", "create_savepoint")


class Base(DeclarativeBase):
    """The team's models."""


class Parcel(Base):
    __tablename__ = "parcels"

    id: Mapped[int] = mapped_column(primary_key=True)


class Van(Base):
    """Of another database."""

    __tablename__ = "vans"

    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def bell(app: Flask) -> Iterator[Bell]:
    bell = Bell(app)
    yield bell
    bell.close()


@pytest.fixture
def told(app: Flask) -> list[str]:
    """The users whose revocation this process was told of."""
    heard: list[str] = []

    def hear(mark: Mark) -> None:
        heard.append(mark.value)

    cast.revocations.subscribe(hear)
    return heard


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Engine]:
    """Another database of the team's."""
    engine = create_engine(f"sqlite:///{tmp_path}/other.db")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def append(session: Any) -> None:
    cast.append(session, "notification", HELLO, to="user:7")


def committed() -> int:
    """How many events are in the journal."""
    with db.engine.connect() as connection:
        return len(connection.execute(select(EVENTS.c.id)).all())


@pytest.mark.parametrize("mode", JOINED)
def test_a_session_in_a_callers_transaction_rings_after_that_one(
    app: Flask, bell: Bell, told: list[str], mode: Any
) -> None:
    with db.engine.connect() as connection:
        with connection.begin():
            with Session(connection, join_transaction_mode=mode) as session:
                append(session)
                cast.revoke(user="7", within=session)
                session.commit()
            assert bell.is_silent()
            assert told == []
        assert bell.rang()
    assert committed() == 2
    assert [mark.value for mark, _ in cast.revocations.recent(None)] == ["7"]


@pytest.mark.parametrize("mode", JOINED)
def test_a_callers_rollback_takes_back_what_its_session_committed(
    app: Flask, bell: Bell, told: list[str], mode: Any
) -> None:
    """As a test of a team's does, whose rows are gone afterwards."""
    with db.engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode=mode) as session:
            append(session)
            cast.revoke(user="7", within=session)
            session.commit()
        outer.rollback()
        assert bell.is_silent()
    assert (told, committed()) == ([], 0)


def test_a_session_that_takes_the_callers_transaction_over_rings_at_its_own_commit(
    app: Flask, bell: Bell, told: list[str]
) -> None:
    with db.engine.connect() as connection:
        connection.begin()
        with Session(connection, join_transaction_mode="control_fully") as session:
            append(session)
            cast.revoke(user="7", within=session)
            session.commit()
        assert bell.rang()
        assert told == ["7"]
    assert committed() == 2


def test_a_session_on_a_callers_connection_without_transaction_commits_itself(
    app: Flask, bell: Bell
) -> None:
    with db.engine.connect() as connection, Session(connection) as session:
        append(session)
        session.commit()
        assert bell.rang()
    assert committed() == 1


def test_blocks_and_sessions_that_expire_nothing_ring_at_their_end(app: Flask, bell: Bell) -> None:
    with sessionmaker(db.engine, expire_on_commit=False).begin() as session:
        append(session)
        with session.begin_nested():
            append(session)
        assert bell.is_silent()
    assert bell.rang()
    with suppress(ZeroDivisionError), Session(db.engine) as session, session.begin():
        append(session)
        raise ZeroDivisionError
    assert bell.is_silent()
    assert committed() == 2


def test_savepoints_within_savepoints_take_back_what_is_theirs(app: Flask, bell: Bell) -> None:
    with Session(db.engine) as session:
        with session.begin_nested() as outer:
            append(session)
            with session.begin_nested():
                append(session)
            outer.rollback()
        append(session)
        session.commit()
        assert bell.rang()
    assert committed() == 1


def test_of_a_session_with_several_databases_the_journals_is_taken(
    app: Flask, bell: Bell, other: Engine
) -> None:
    several: list[dict[Any, Any]] = [
        {Parcel: db.engine, Van: other},
        {Van: other, Parcel: db.engine},
    ]
    for binds in several:
        with Session(binds=binds) as session:
            append(session)
            session.add(Van())
            session.commit()
        assert bell.rang()
    with Session(other, binds={Parcel: db.engine}) as session:
        append(session)
        session.commit()
    with Session(db.engine, binds={Van: other}) as session:
        append(session)
        session.commit()
    with Session(other, binds={EVENTS: db.engine}) as session:
        append(session)
        session.rollback()
    assert committed() == 4


def test_a_session_of_other_databases_alone_is_refused(app: Flask, other: Engine) -> None:
    for session in (Session(other), Session(binds={Van: other, Parcel: other}), Session()):
        with session, pytest.raises(RuntimeError, match="would not commit together"):
            append(session)
        with session, pytest.raises(RuntimeError, match="would not commit together"):
            cast.revoke(user="7", within=session)
    with other.connect() as connection, pytest.raises(RuntimeError, match="commit together"):
        append(connection)
    assert committed() == 0


def test_flask_sqlalchemys_binds_are_a_sessions_databases(tmp_path: Path) -> None:
    app, team = Flask(__name__), SQLAlchemy()
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/team.db"
    app.config["SQLALCHEMY_BINDS"] = {"journal": f"sqlite:///{tmp_path}/journal.db"}
    team.init_app(app)
    with app.app_context():
        journal = team.engines["journal"]
        connection = joining.joined(team.session, journal, EVENTS)
        assert connection.engine is journal
        default = joining.joined(team.session, team.engine, EVENTS)
        assert default.engine is team.engine
        team.session.rollback()
        for engine in team.engines.values():
            engine.dispose()


@pytest.mark.parametrize(
    ("one", "two", "is_same"),
    [
        ("postgresql+psycopg://app:a@db/shop", "postgresql+psycopg://job:b@db/shop", True),
        ("postgresql+psycopg://a@db/shop", "postgresql+psycopg://a@/shop?host=db", True),
        ("postgresql+psycopg://a@db/shop?sslmode=require", "postgresql+psycopg://a@db/shop", True),
        ("postgresql+psycopg://a@db/shop", "postgresql+psycopg://a@db/other", False),
        ("postgresql+psycopg://a@db/shop", "postgresql+psycopg://a@replica/shop", False),
        ("postgresql+psycopg://a@db:5432/shop", "postgresql+psycopg://a@db:6432/shop", False),
        ("sqlite:///shop.db", "sqlite:///./shop.db?timeout=5", True),
        ("sqlite:///shop.db", "sqlite:///other.db", False),
        ("sqlite://", "sqlite://", False),
        ("sqlite:///:memory:", "sqlite:///:memory:", False),
        ("sqlite:///shop.db", "postgresql+psycopg://a@db/shop.db", False),
    ],
)
def test_a_database_is_the_same_by_its_place_whoever_connects(
    one: str, two: str, is_same: bool
) -> None:
    assert joining.is_same(create_engine(one), create_engine(two)) is is_same
    engine = create_engine(one)
    assert joining.is_same(engine, engine.execution_options(isolation_level="AUTOCOMMIT"))

"""append(): the event is in the transaction that is handed in, and announced when that commits."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from app import create_app
from app.db import db
from app.events import Notification, OrderStatus, Status
from app.extension import cast
from ordercast import Event, InvalidEvent, Refused
from ordercast.journal.tables import EVENTS
from ordercast.request_ids import MAX_CHARACTERS
from tests.harness.application.bell import Bell

HELLO = {"title": "Hello", "message": "m", "type": "info"}
TRANSACTIONS = 100


@pytest.fixture
def bell(app: Flask) -> Iterator[Bell]:
    bell = Bell(app)
    yield bell
    bell.close()


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A team's own."""
    with Session(db.engine) as session:
        yield session


def append(session: Any, title: str = "Hello") -> None:
    cast.append(session, "notification", {**HELLO, "title": title}, to="user:7")


def committed() -> list[str]:
    """The titles of what is in the journal."""
    with db.engine.connect() as connection:
        rows = connection.scalars(select(EVENTS.c.data).order_by(EVENTS.c.id))
        return [orjson.loads(data)["title"] for data in rows]


def test_the_event_commits_with_the_session_and_rings_then_and_not_before(
    session: Session, bell: Bell
) -> None:
    append(session)
    assert bell.is_silent()
    session.commit()
    assert bell.rang()
    assert committed() == ["Hello"]


def test_a_rollback_takes_the_event_back_and_a_later_commit_rings_for_nothing(
    session: Session, bell: Bell
) -> None:
    append(session)
    session.rollback()
    session.execute(select(1))
    session.commit()
    assert bell.is_silent()
    assert committed() == []


def test_a_savepoint_takes_its_own_events_back_and_rings_nothing_by_itself(
    session: Session, bell: Bell
) -> None:
    append(session, "kept")
    lost = session.begin_nested()
    append(session, "lost")
    lost.rollback()
    with session.begin_nested():
        append(session, "kept too")
    assert bell.is_silent()
    session.commit()
    assert bell.rang()
    assert committed() == ["kept", "kept too"]


def test_a_savepoint_that_is_rolled_back_leaves_the_ring_for_the_events_before_it(
    session: Session, bell: Bell
) -> None:
    append(session, "kept")
    session.begin_nested().rollback()
    session.commit()
    assert bell.rang()
    assert committed() == ["kept"]


def test_a_session_that_is_closed_without_a_commit_rings_for_nothing_later(
    session: Session, bell: Bell
) -> None:
    append(session)
    session.close()
    session.execute(select(1))
    session.commit()
    assert bell.is_silent()
    assert committed() == []


def test_a_scoped_session_is_the_session_of_its_scope(app: Flask, bell: Bell) -> None:
    sessions = scoped_session(sessionmaker(db.engine))
    append(sessions)
    sessions.commit()
    sessions.remove()
    assert bell.rang()
    assert committed() == ["Hello"]


def test_a_connection_rings_once_its_commit_is_done(app: Flask, bell: Bell) -> None:
    with db.engine.begin() as connection:
        append(connection)
        assert bell.is_silent()
    assert bell.rang()
    assert committed() == ["Hello"]


def test_a_connection_that_goes_on_rings_for_each_commit_with_events(
    app: Flask, bell: Bell
) -> None:
    with db.engine.connect() as connection:
        for title in ("one", "two"):
            append(connection, title)
            connection.commit()
            assert bell.rang()
        append(connection)
        connection.rollback()
        assert bell.is_silent()
    assert committed() == ["one", "two"]


def test_a_connection_does_not_ring_before_its_commit_is_done(app: Flask, bell: Bell) -> None:
    # SQLAlchemy tells of a COMMIT before it is sent. A ring on its way by then would wake a
    # sequencer that sees nothing, and the event would wait for the next poll.
    silent: list[bool] = []
    with db.engine.begin() as connection:
        append(connection)
        event.listen(connection, "commit", lambda _connection: silent.append(bell.is_silent()))
    assert silent == [True]
    assert bell.rang()


def test_sessions_and_transactions_gather_no_listeners(app: Flask, session: Session) -> None:
    create_app(app.config["SETTINGS"])
    for _ in range(TRANSACTIONS):
        append(session)
        session.commit()
    heard = (session.dispatch.after_commit, session.dispatch.after_transaction_end)
    assert [len(list(listeners)) for listeners in heard] == [1, 1]


def test_a_session_of_another_database_is_refused(app: Flask) -> None:
    other = create_engine("sqlite://")
    with Session(other) as session, pytest.raises(RuntimeError, match="would not commit together"):
        append(session)
    other.dispose()
    assert committed() == []


def test_what_is_no_session_is_refused(app: Flask) -> None:
    with pytest.raises(TypeError, match="expected a Session or Connection"):
        append(db.engine)


def test_an_event_that_is_declared_goes_to_the_room_of_an_id(session: Session) -> None:
    moved = OrderStatus(id="3", order_number="OC-3", status=Status.SHIPPED)
    cast.append(session, moved, to=7, key="order:3")
    row = session.execute(select(EVENTS)).one()
    assert (row.room, row.name, row.key) == ("user:7", "order:status", "order:3")
    assert row.data == '{"id":"3","orderNumber":"OC-3","status":"shipped"}'


class Weather(Event):
    """What the marketplace does not declare."""

    event = "weather"

    sun: float


def test_an_event_whose_class_is_not_declared_is_refused_as_its_name_is(session: Session) -> None:
    with pytest.raises(Refused, match="no such event: 'weather'"):
        cast.append(session, Weather(sun=1.0), to="user:7")
    assert session.execute(select(EVENTS)).all() == []


def test_what_is_declared_is_checked_and_nothing_else_is_taken(session: Session) -> None:
    with pytest.raises(InvalidEvent):
        cast.append(session, "notification", {"title": "no more"}, to="user:7")
    with pytest.raises(InvalidEvent):
        cast.append(session, "notification", '{"title": "no more"}', to="user:7")
    with pytest.raises(Refused):
        cast.append(session, "weather", {}, to="user:7")
    with pytest.raises(Refused):
        cast.append(session, "notification", HELLO, to="seller:7")
    with pytest.raises(Refused):
        cast.append(session, "notification", HELLO, to="control")
    assert session.execute(select(EVENTS)).all() == []


def test_a_payload_that_is_text_is_a_string_of_json(app: Flask, session: Session) -> None:
    keep = app.extensions["ordercast"].journal.append
    keep(session, "user:7", "weather", "sunny")
    assert session.scalar(select(EVENTS.c.data)) == '"sunny"'
    for wrong in ("half an emoji: \ud83d", {"a": object()}, {"a": 2**70}):
        with pytest.raises(ValueError, match="the payload is no JSON"):
            keep(session, "user:7", "weather", wrong)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("req-1/a_B:c@d=e+f,g.h", "req-1/a_B:c@d=e+f,g.h"),
        ('two words\t"\u00fc"', "twowords"),
        ("x" * 200, "x" * MAX_CHARACTERS),
    ],
)
def test_the_row_has_the_id_of_the_request_that_appended_it(
    app: Flask, session: Session, given: str, kept: str
) -> None:
    headers = {"X-Request-ID": given.encode().decode("latin-1")}
    with app.test_request_context(headers=headers):
        append(session)
    assert session.scalar(select(EVENTS.c.request_id)) == kept


def test_an_event_outside_of_any_request_has_no_request_id(session: Session) -> None:
    append(session)
    assert session.scalar(select(EVENTS.c.request_id)) is None


def notes(*titles: str) -> list[tuple[Event, object]]:
    return [(Notification.of({**HELLO, "title": title}), "7") for title in titles]


def test_several_events_are_written_together_in_their_order(session: Session, bell: Bell) -> None:
    append(session, "first")
    cast.append_all(session, notes("second", "third"))
    assert bell.is_silent()
    session.commit()
    assert bell.rang()
    assert committed() == ["first", "second", "third"]
    with db.engine.connect() as connection:
        assert set(connection.execute(select(EVENTS.c.room, EVENTS.c.name))) == {
            ("user:7", "notification")
        }


def test_several_events_are_taken_back_with_their_savepoint(session: Session, bell: Bell) -> None:
    cast.append_all(session, notes("kept"))
    with session.begin_nested() as savepoint:
        cast.append_all(session, notes("taken back", "too"))
        savepoint.rollback()
    session.commit()
    assert bell.rang()
    assert committed() == ["kept"]


def test_several_events_over_a_connection_ring_after_its_commit(app: Flask, bell: Bell) -> None:
    with db.engine.begin() as connection:
        cast.append_all(connection, notes("one", "two"))
        cast.append_all(connection, [])
    assert bell.rang()
    assert committed() == ["one", "two"]


def test_of_several_events_none_is_written_if_one_is_refused(session: Session) -> None:
    class Undeclared(Event):
        event = "undeclared"

    events: list[tuple[Event, object]] = [*notes("good"), (Undeclared(), "7")]
    with pytest.raises(Refused, match="no such event"):
        cast.append_all(session, events)
    with pytest.raises(Refused, match="receiver"):
        cast.append_all(session, [(notes("good")[0][0], "")])
    session.commit()
    assert committed() == []

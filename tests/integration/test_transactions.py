"""transaction(): what a session holds is committed, or somebody is told; it never just vanishes."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.accounts.tokens import Identity
from app.db import UncommittedChanges, announce, append, db, release, transaction
from app.events import Notification
from ordercast.journal.tables import EVENTS

NOTE = Notification(title="t", message="m", type="info")
LOST = "changes that would be lost"
Change = Callable[[User], object]


def another(email: str = "eve@example.com") -> User:
    return User(email=email, name="Eve", role=Role.CUSTOMER, password_hash="x")


def rename(user: User) -> None:
    user.name = "Alicia"


def rename_and_flush(user: User) -> None:
    rename(user)
    db.session.flush()


def values() -> dict[str, object]:
    return {
        "email": "eve@example.com",
        "name": "Eve",
        "role": Role.CUSTOMER,
        "password_hash": "x",
    }


def in_a_savepoint(user: User) -> None:
    with db.session.begin_nested():
        rename(user)


IN_MEMORY: dict[str, Change] = {
    "a new User": lambda _: db.session.add(another()),
    "a changed User": rename,
    "a deleted User": db.session.delete,
}
WRITTEN: tuple[Change, ...] = (
    rename_and_flush,
    in_a_savepoint,
    lambda _: db.session.execute(insert(User).values(values())),
    lambda user: db.session.execute(update(User).where(User.id == user.id).values(name="x")),
    lambda user: db.session.execute(delete(User).where(User.id == user.id)),
    lambda _: db.session.execute(text("UPDATE users SET name = 'x'")),
    lambda _: db.session.connection().exec_driver_sql("UPDATE users SET name = 'x'"),
    lambda _: db.session.execute(text("WITH n AS (SELECT 'x' AS x) UPDATE users SET name = 'x'")),
)


@pytest.fixture
def user(app: Flask, alice: Identity) -> User:
    """Alice's row, as a view of a team has it in its session."""
    return db.session.scalars(select(User)).one()


@pytest.mark.parametrize("held", IN_MEMORY)
def test_what_the_session_holds_is_named_and_kept(user: User, held: str) -> None:
    IN_MEMORY[held](user)
    with pytest.raises(UncommittedChanges, match=f"{LOST}: {held};"), transaction():
        pytest.fail("the block began")
    db.session.commit()  # nothing was thrown away: it can still be saved
    assert [row.name for row in db.session.scalars(select(User).order_by(User.id))] == {
        "a new User": ["Alice", "Eve"],
        "a changed User": ["Alicia"],
        "a deleted User": [],
    }[held]


@pytest.mark.parametrize("number", range(len(WRITTEN)))
def test_what_was_written_and_not_committed_is_not_thrown_away(user: User, number: int) -> None:
    WRITTEN[number](user)
    with pytest.raises(UncommittedChanges, match=f"{LOST}: rows that were written"), transaction():
        pytest.fail("the block began")
    db.session.rollback()
    with transaction() as session:
        assert session.scalars(select(User.name)).all() == ["Alice"]


def test_what_was_committed_or_taken_back_is_no_hindrance(user: User) -> None:
    rename_and_flush(user)
    db.session.commit()
    with transaction():
        pass
    rename_and_flush(user)
    db.session.rollback()
    with transaction():
        pass


def test_reads_are_no_hindrance_in_any_form(user: User) -> None:
    db.session.get(User, user.id)
    db.session.execute(text("SELECT name FROM users")).all()
    db.session.refresh(user)
    user.name = user.name  # set, and the same as before
    with transaction() as session:
        session.add(another())
    with db.session.begin_nested():
        assert len(db.session.scalars(select(User)).all()) == 2
    with transaction():
        pass


def test_a_statement_that_failed_leaves_nothing_to_lose(user: User) -> None:
    with pytest.raises(IntegrityError):
        db.session.execute(insert(User).values({**values(), "email": user.email}))
    with transaction() as session:
        session.add(another())


def test_a_connection_is_not_given_back_with_changes_on_it(user: User) -> None:
    rename_and_flush(user)
    with pytest.raises(UncommittedChanges, match=LOST):
        release()
    db.session.rollback()
    release()


def test_over_http_it_is_an_error_of_the_service_and_announces_nothing(
    app: Flask, user: User, caplog: pytest.LogCaptureFixture
) -> None:
    def view() -> str:
        db.session.add(another())
        with transaction():
            append("user:1", "notification", {"title": "t", "message": "m", "type": "info"})
        return "done"

    app.add_url_rule("/team", view_func=view)
    db.session.rollback()
    answer = app.test_client().get("/team")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (500, "internal_error")
    assert "uncommitted_changes: the session holds changes that would be lost" in caplog.text
    assert db.session.scalars(select(EVENTS.c.id)).all() == []


def test_what_is_announced_is_written_at_the_end_and_after_what_was_before_it(app: Flask) -> None:
    with transaction() as session:
        announce("user:1", NOTE)
        announce("user:2", NOTE)
        assert rooms(session) == []
        append("user:3", "notification", NOTE.wire())
        assert rooms(session) == ["user:1", "user:2", "user:3"]
        announce("user:4", NOTE)
    with transaction() as session:
        assert rooms(session) == ["user:1", "user:2", "user:3", "user:4"]


def announce_and_fail() -> None:
    with transaction():
        announce("user:1", NOTE)
        raise LookupError


def test_what_is_announced_and_rolled_back_is_not_written(app: Flask) -> None:
    with pytest.raises(LookupError):
        announce_and_fail()
    with transaction() as session:
        announce("user:1", NOTE)
        session.rollback()
        announce("user:2", NOTE)
    with transaction() as session:
        assert rooms(session) == ["user:2"]


def test_a_savepoint_takes_back_what_was_appended_in_it_and_no_more(app: Flask) -> None:
    with transaction() as session:
        announce("user:1", NOTE)
        with session.begin_nested() as savepoint:
            append("user:2", "notification", NOTE.wire())
            with pytest.raises(RuntimeError, match="inside a savepoint"):
                announce("user:3", NOTE)
            savepoint.rollback()
    with transaction() as session:
        assert rooms(session) == ["user:1"]


def test_nothing_is_announced_outside_of_a_transaction(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="outside of transaction"):
        announce("user:1", NOTE)


def rooms(session: Session) -> list[str]:
    """Of the events that this transaction sees."""
    return list(session.scalars(text("SELECT room FROM ordercast_events ORDER BY id")))

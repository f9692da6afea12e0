"""cast.revoke(), cast.disconnect(): in a transaction of their own, or in one that is handed in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError

from app.accounts.models import LoginSession, User
from app.accounts.revocation import revoke_session, revoke_user
from app.db import db, now, transaction
from app.extension import cast
from ordercast.errors import TokenRevoked
from ordercast.identity import TokenIdentity
from ordercast.revocation import Mark
from ordercast.revocation.tables import REVOCATIONS
from tests.harness.waiting import wait_until

ALICE = TokenIdentity("7", session="login", jti="token")
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
KINDS = [("user", "7"), ("session", "login"), ("token", "token")]


@pytest.fixture
def told(app: Flask) -> list[str]:
    """What this process is told of its own revocations."""
    told: list[str] = []
    cast.revocations.subscribe(lambda mark: told.append(mark.value))
    return told


def revoked() -> set[str]:
    return {mark.value for mark, _ in cast.revocations.recent(None)}


@pytest.mark.parametrize(("kind", "value"), KINDS)
def test_what_is_revoked_is_refused_at_once(
    app: Flask, told: list[str], kind: str, value: str
) -> None:
    cast.revocations.check(ALICE)
    cast.revoke(**{kind: value})  # type: ignore[arg-type]
    with pytest.raises(TokenRevoked):
        cast.revocations.check(ALICE)
    assert told == [value]


@pytest.mark.parametrize("given", [{}, {"user": "7", "token": "j"}])
def test_one_thing_is_revoked_at_a_time(app: Flask, given: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="one of"):
        cast.revoke(**given)  # type: ignore[arg-type]


def test_a_users_primary_key_is_the_id_of_the_tokens(app: Flask, told: list[str]) -> None:
    cast.revoke(user=7)
    cast.disconnect(user=7)
    assert told == ["7", "7"]
    with pytest.raises(TypeError, match="user is a text"):
        cast.revoke(user=object())  # type: ignore[arg-type]


def waits_for_a_lock() -> bool:
    """Whether a session of PostgreSQL does; on SQLite writers queue before they begin."""
    if db.engine.dialect.name == "sqlite":
        return True
    with db.engine.connect() as connection:
        return bool(connection.scalar(WAITING))


@pytest.mark.parametrize(("revoke", "what"), [(revoke_user, "1"), (revoke_session, "login")])
def test_a_login_that_is_locked_may_be_revoked_while_another_transaction_revokes_it(
    app: Flask, revoke: Callable[[str], int], what: str
) -> None:
    """The race: a refresh has locked the login and revokes it, because its token was used before;
    meanwhile a command revokes the user. In another order each would wait for the other."""
    far = now() + timedelta(days=1)
    with transaction() as session:
        session.add(User(id=1, email="a@b.com", name="Alice", role="customer", password_hash=""))
        session.flush()
        session.add(LoginSession(id="login", user_id=1, refresh_jti="r", expires_at=far))

    def command() -> int:
        with app.app_context():
            return revoke(what)

    with ThreadPoolExecutor() as beside:
        with transaction() as session:
            login = session.get_one(LoginSession, "login", with_for_update=True)
            other = beside.submit(command)
            wait_until(waits_for_a_lock, "the command waits for the login")
            login.revoked_at = now()
            cast.revoke(session="login", within=session)
        other.result()
    assert "login" in revoked()


def test_a_revocation_commits_with_the_transaction_that_it_is_in(
    app: Flask, told: list[str]
) -> None:
    with transaction() as session:
        cast.revoke(user="7", within=session)
        cast.disconnect(user="8", within=session)
        assert revoked() == set()
        assert told == []
    assert revoked() == {"7", "8"}
    assert told == ["7", "8"]


def test_what_is_rolled_back_was_not_revoked(app: Flask, told: list[str]) -> None:
    with transaction() as session:
        cast.revoke(user="7", within=session)
        session.rollback()
    with transaction() as session:
        with session.begin_nested() as savepoint:
            cast.revoke(user="8", within=session)
            savepoint.rollback()
        cast.revoke(user="9", within=session)
    assert revoked() == {"9"}
    assert told == ["9"]


def test_a_connection_may_be_handed_in_too(app: Flask) -> None:
    with db.engine.begin() as connection:
        cast.revoke(session="login", until=now() + timedelta(hours=1), within=connection)
    assert revoked() == {"login"}


def test_a_later_revocation_takes_the_place_of_the_one_before(app: Flask) -> None:
    cast.revoke(user="7")
    cast.revoke(user="7", until=now() + timedelta(hours=1))
    [(mark, until)] = cast.revocations.recent(None)
    assert isinstance(mark, Mark)
    assert mark.what == ("user", "7")
    assert until is not None
    with db.engine.connect() as connection:
        assert len(connection.execute(select(REVOCATIONS)).all()) == 1


def test_a_database_that_is_unavailable_revokes_nothing_and_says_so(
    app: Flask, told: list[str]
) -> None:
    def unavailable(*_: object) -> None:
        raise OperationalError("the database is unavailable", None, Exception())

    event.listen(db.engine, "before_cursor_execute", unavailable)
    with pytest.raises(OperationalError):
        cast.revoke(user="7")
    event.remove(db.engine, "before_cursor_execute", unavailable)
    assert (revoked(), told) == (set(), [])

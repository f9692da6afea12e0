"""The revocations in memory: asked by every connect, so that the database is not."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from flask import Flask, current_app
from sqlalchemy import event, inspect, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.db import db, now, transaction
from app.extension import cast
from ordercast.identity import TokenIdentity
from ordercast.live.connections import Connection, Connections
from ordercast.live.dismissal import Dismissal
from ordercast.revocation import Mark, RevocationKind, RevocationStore, Rules
from ordercast.revocation.memory import RELOAD_SECONDS, Revocations
from tests.harness.application.tabs import statements
from tests.harness.waiting import wait_until

ALICE = TokenIdentity(
    "1",
    session="login",
    jti="token",
    issued_at=int(now().timestamp()) - 5,
    expires_at=2**31,
)


def in_memory(clock: Callable[[], float] = time.monotonic) -> Revocations:
    """Of a process whose clock is every issuer's; `clock` counts the seconds between its reads."""
    database = current_app.extensions["ordercast"].database
    store = RevocationStore(database, Rules(), append=journal_append)
    return Revocations(store, clock=clock)


def journal_append(*event: object) -> None:
    raise AssertionError("what is read here is written by the application")


def told_at_once(revocations: Revocations) -> Revocations:
    """As the web process of this application has it."""
    dismissal = Dismissal(Connections(), revocations, lambda mark: None)
    cast.revocations.subscribe(dismissal.on_revoked)
    return revocations


@pytest.fixture
def revocations(app: Flask) -> Revocations:
    """Of this process."""
    return told_at_once(in_memory())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (RevocationKind.SESSION, "login"),
        (RevocationKind.TOKEN, "token"),
        (RevocationKind.USER, "1"),
    ],
)
def test_what_this_process_revokes_is_known_at_once(
    app: Flask, kind: RevocationKind, value: str
) -> None:
    """Without the worker, without Redis, and without asking the database again: by its clock no
    time goes by after the first read."""
    revocations = told_at_once(in_memory(clock=lambda: 0.0))
    assert not revocations.hits(ALICE)
    cast.revocations.add(None, kind, value)
    with statements(db.engine) as asked:
        assert revocations.hits(ALICE)
    assert asked == []
    assert not revocations.hits(replace(ALICE, user_id="2", session="other", jti="other"))


def test_a_session_that_is_closed_without_a_commit_has_revoked_nothing(
    app: Flask, revocations: Revocations
) -> None:
    with Session(db.engine) as session:
        cast.revoke(user="1", within=session)
        session.close()
        session.execute(select(1))
        session.commit()
    assert revocations.known(ALICE) is None
    assert not revocations.hits(ALICE)


def test_what_was_revoked_before_the_start_is_known(app: Flask) -> None:
    cast.revoke(session="login")
    assert in_memory().hits(ALICE)


def test_what_another_process_revoked_is_known_within_a_second(app: Flask) -> None:
    """Also when its control event never comes: no worker runs."""
    revocations = in_memory()
    assert not revocations.hits(ALICE)
    cast.revoke(session="login")
    wait_until(lambda: revocations.hits(ALICE), "it has looked again")


def test_an_identity_without_login_and_token_id_is_hit_as_a_user_only(app: Flask) -> None:
    foreign = replace(ALICE, session=None, jti=None)
    cast.revoke(session="login")
    assert not in_memory().hits(foreign)
    cast.revoke(user="1")
    assert in_memory().hits(foreign)


def test_a_login_after_the_users_revocation_is_good(revocations: Revocations) -> None:
    cast.revoke(user="1")
    later = replace(ALICE, issued_at=int(now().timestamp()) + 1)
    assert not revocations.hits(later)
    assert revocations.hits(ALICE)


def test_late_word_of_an_earlier_revocation_takes_nothing_back(app: Flask) -> None:
    """The race: the user is revoked twice, this process has read the second one, and then the
    control event of the first arrives, because the worker was not running."""
    revocations = in_memory()
    between = replace(ALICE, issued_at=int(now().timestamp()) - 60)
    assert revocations.add(Mark("user", "1", now()))
    assert not revocations.add(Mark("user", "1", now() - timedelta(minutes=10)))
    assert revocations.hits(between)


def revoke(login: str, *, expires_at: datetime | None) -> None:
    with transaction() as session:
        cast.revoke(session=login, until=expires_at, within=session)


def test_what_can_hit_no_token_any_more_is_forgotten(revocations: Revocations) -> None:
    passed, later = now() - timedelta(seconds=1), now() + timedelta(hours=1)
    assert not revocations.hits(ALICE)
    revoke("passed", expires_at=passed)
    revoke("later", expires_at=later)
    revoke("for ever", expires_at=None)
    revoke("again", expires_at=passed)
    revoke("again", expires_at=None)
    revocations.add(Mark("session", "passed", passed))  # late word of one before it
    assert len(revocations) == 4

    wait_until(
        lambda: not revocations.hits(replace(ALICE, session="passed")), "it has looked again"
    )

    assert len(revocations) == 3
    assert all(
        revocations.hits(replace(ALICE, session=login)) for login in ("later", "for ever", "again")
    )


def test_it_is_asked_again_when_the_database_was_unavailable(app: Flask) -> None:
    """What cannot be known is not guessed: the connect fails, and the next one looks again."""
    revocations = in_memory()

    def unavailable(*_: object) -> None:
        raise OperationalError("the database is unavailable", None, Exception())

    event.listen(db.engine, "before_cursor_execute", unavailable)
    with pytest.raises(OperationalError):
        revocations.hits(ALICE)
    event.remove(db.engine, "before_cursor_execute", unavailable)
    db.session.rollback()
    cast.revoke(session="login")
    assert revocations.hits(ALICE)


class Door:
    """The connections of a process, and which of them a look at the table closed."""

    def __init__(self, app: Flask, *identities: TokenIdentity) -> None:
        self.connections = Connections()
        for number, identity in enumerate(identities):
            self.connections.add(Connection(str(number), identity, None))
        self.revocations = in_memory()
        self.dismissal = Dismissal(self.connections, self.revocations, self.close)
        self.closed: list[str] = []

    def close(self, mark: Mark) -> None:
        self.closed += [one.sid for one in self.connections.hit_by(mark, Rules())]

    def step_until(self, *closed: str) -> None:
        def step() -> bool:
            self.dismissal.step()
            return self.closed == list(closed)

        wait_until(step, f"{closed} are closed")


def test_what_another_process_revoked_is_closed_without_a_worker_or_redis(app: Flask) -> None:
    """And once, when the control event comes after all."""
    door = Door(app, ALICE, replace(ALICE, user_id="2", session="other", jti=None))
    door.step_until()
    cast.revoke(session="login")
    door.step_until("0")
    cast.disconnect(user="2")
    door.step_until("0", "1")
    for mark, _ in cast.revocations.recent(None):
        assert not door.revocations.add(mark)
    for _ in range(3):
        door.step_until("0", "1")


def test_a_revocation_that_cannot_be_followed_keeps_no_other_from_its_connections(
    app: Flask,
) -> None:
    connections = Connections()
    closed: set[str] = set()
    connections.add(Connection("0", ALICE, None))

    def close(mark: Mark) -> None:
        closed.add(mark.value)
        if mark.value == "login":
            raise LookupError("a rule of the service's own failed")

    dismissal = Dismissal(connections, in_memory(), close)
    dismissal.step()
    cast.revoke(session="login")
    cast.disconnect(user="2")

    def step() -> bool:
        dismissal.step()
        return closed == {"login", "2"}

    wait_until(step, "both were followed")


def test_a_disconnect_of_before_the_start_closes_nobody(app: Flask) -> None:
    cast.disconnect(user="1")
    door = Door(app, ALICE)
    for _ in range(2):
        door.step_until()


def test_what_a_connect_has_read_is_closed_too(app: Flask) -> None:
    """The race: somebody else's connect reads the table, before the look that would."""
    door = Door(app, ALICE)
    door.step_until()
    cast.revoke(user="1")
    wait_until(lambda: door.revocations.hits(ALICE), "a connect has looked")
    door.step_until("0")


def test_what_was_revoked_while_the_table_could_not_be_read_for_long_is_closed(app: Flask) -> None:
    door = Door(app, ALICE)
    door.step_until()
    revoke("login", expires_at=None)
    door.revocations._refreshed -= RELOAD_SECONDS
    door.step_until("0")


def stepped(door: Door, asked: list[str]) -> bool:
    """Whether the table was asked by now."""
    door.dismissal.step()
    return bool(asked)


def test_a_look_at_the_table_is_one_query_that_an_index_answers(app: Flask) -> None:
    door = Door(app, ALICE)
    door.step_until()
    for number in range(500):
        revoke(f"login {number}", expires_at=None)
    with statements(db.engine) as asked:
        wait_until(partial(stepped, door, asked), "it has looked")
    [query] = [one for one in asked if "FROM ordercast_revocations" in one]
    assert "revoked_at >= " in query
    assert "ix_ordercast_revocations_revoked_at" in {
        index["name"] for index in inspect(db.engine).get_indexes("ordercast_revocations")
    }


def test_without_connections_the_table_is_left_alone(app: Flask) -> None:
    door = Door(app)
    with statements(db.engine) as asked:
        door.dismissal.step()
    assert asked == []

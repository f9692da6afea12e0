"""The revocations in memory: asked by every connect, so that the database is not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.accounts import revocation
from app.accounts.models import RevocationKind, Role
from app.accounts.tokens import Identity
from app.db import db, now, transaction
from app.realtime.revocations import Revocations
from tests.harness.tabs import statements
from tests.harness.waiting import wait_until

ALICE = Identity("1", Role.CUSTOMER, "login", "token", int(now().timestamp()) - 5, 2**31)


@pytest.fixture
def revocations(app: Flask) -> Iterator[Revocations]:
    """Of this process."""
    revocations = Revocations()
    revocation.revoked.connect(revocations.on_revoked, sender=app)
    yield revocations
    revocation.revoked.disconnect(revocations.on_revoked, sender=app)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (RevocationKind.SESSION, "login"),
        (RevocationKind.TOKEN, "token"),
        (RevocationKind.USER, "1"),
    ],
)
def test_what_this_process_revokes_is_known_at_once(
    app: Flask, revocations: Revocations, kind: RevocationKind, value: str
) -> None:
    """Without the worker, without Redis, and without asking the database again."""
    assert not revocations.hits(ALICE)
    revocation.revoke(kind, value)
    with statements(db.engine) as asked:
        assert revocations.hits(ALICE)
    assert asked == []
    assert not revocations.hits(replace(ALICE, user_id="2", session="other", jti="other"))


def test_what_was_revoked_before_the_start_is_known(app: Flask) -> None:
    revocation.revoke(RevocationKind.SESSION, "login")
    assert Revocations().hits(ALICE)


def test_what_another_process_revoked_is_known_within_a_second(app: Flask) -> None:
    """Also when its control event never comes: no worker runs."""
    revocations = Revocations()
    assert not revocations.hits(ALICE)
    revocation.revoke(RevocationKind.SESSION, "login")
    wait_until(lambda: revocations.hits(ALICE), "it has looked again")


def test_an_identity_without_login_and_token_id_is_hit_as_a_user_only(app: Flask) -> None:
    foreign = replace(ALICE, session=None, jti=None)
    revocation.revoke(RevocationKind.SESSION, "login")
    assert not Revocations().hits(foreign)
    revocation.revoke(RevocationKind.USER, "1")
    assert Revocations().hits(foreign)


def test_a_login_after_the_users_revocation_is_good(revocations: Revocations) -> None:
    revocation.revoke(RevocationKind.USER, "1")
    later = replace(ALICE, issued_at=int(now().timestamp()) + 1)
    assert not revocations.hits(later)
    assert revocations.hits(ALICE)


def test_late_word_of_an_earlier_revocation_takes_nothing_back(app: Flask) -> None:
    """The race: the user is revoked twice, this process has read the second one, and then the
    control event of the first arrives, because the worker was away."""
    revocations = Revocations()
    between = replace(ALICE, issued_at=int(now().timestamp()) - 60)
    revocations.add(RevocationKind.USER, "1", now())
    revocations.add(RevocationKind.USER, "1", now() - timedelta(minutes=10))
    assert revocations.hits(between)


def revoke(login: str, *, expires_at: datetime | None) -> None:
    with transaction() as session:
        revocation.add(session, RevocationKind.SESSION, login, expires_at)


def test_what_can_hit_no_token_any_more_is_forgotten(revocations: Revocations) -> None:
    passed, later = now() - timedelta(seconds=1), now() + timedelta(hours=1)
    assert not revocations.hits(ALICE)
    revoke("passed", expires_at=passed)
    revoke("later", expires_at=later)
    revoke("for ever", expires_at=None)
    revoke("again", expires_at=passed)
    revoke("again", expires_at=None)
    revocations.add(RevocationKind.SESSION, "passed", passed)  # late word of one before it
    assert len(revocations) == 4

    wait_until(
        lambda: not revocations.hits(replace(ALICE, session="passed")), "it has looked again"
    )

    assert len(revocations) == 3
    assert all(
        revocations.hits(replace(ALICE, session=login)) for login in ("later", "for ever", "again")
    )


def test_it_is_asked_again_when_the_database_was_away(app: Flask) -> None:
    """What cannot be known is not guessed: the connect fails, and the next one looks again."""
    revocations = Revocations()

    def away(*_: object) -> None:
        raise OperationalError("the database is away", None, Exception())

    event.listen(db.engine, "before_cursor_execute", away)
    with pytest.raises(OperationalError):
        revocations.hits(ALICE)
    event.remove(db.engine, "before_cursor_execute", away)
    db.session.rollback()
    revocation.revoke(RevocationKind.SESSION, "login")
    assert revocations.hits(ALICE)

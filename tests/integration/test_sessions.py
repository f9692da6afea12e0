"""/api/auth/refresh and /logout, and revocation: the life of a login."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import select

from app import create_app
from app.accounts import revocation, tokens
from app.accounts.models import LoginSession, Role, User
from app.accounts.tokens import Identity
from app.config import Settings
from app.db import db, now, transaction
from app.extension import cast
from ordercast.events import CONTROL_ROOM
from ordercast.journal.tables import EVENTS
from ordercast.revocation import RevocationKind
from ordercast.revocation.tables import REVOCATIONS
from tests.harness.application.market import error, good
from tests.harness.faults.races import at_once, right_after
from tests.harness.people.visitor import Visitor

REVOKED = (401, "token_revoked")


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Alice."""
    visitor = Visitor(app)
    good(visitor.register(), 201)
    return visitor


def identity(app: Flask, token: str) -> Identity:
    with app.app_context():
        return tokens.read(token)


def revoke(app: Flask, kind: RevocationKind, value: str | None) -> None:
    assert value is not None
    with app.app_context():
        if kind is RevocationKind.USER:
            revocation.revoke_user(value)
        elif kind is RevocationKind.SESSION:
            revocation.revoke_session(value)
        else:
            cast.revocations.add(None, kind, value)


def announced(app: Flask) -> list[Any]:
    """What the other processes are told, oldest first."""
    chosen = select(EVENTS.c.data).where(EVENTS.c.room == CONTROL_ROOM)
    with app.app_context():
        return [orjson.loads(data) for data in db.session.scalars(chosen.order_by(EVENTS.c.id))]


def word_of(app: Flask, session: str | None) -> Any:
    """What the other processes are told of a session that was revoked."""
    with app.app_context():
        chosen = REVOCATIONS.c.kind == "session", REVOCATIONS.c.value == session
        revoked_at = db.session.execute(
            select(REVOCATIONS.c.revoked_at).where(*chosen)
        ).scalar_one()
    return {"kind": "session", "value": session, "at": revoked_at.isoformat()}


def by_header(visitor: Visitor, token: str) -> Any:
    return visitor.refresh(token)


def by_body(visitor: Visitor, token: str) -> Any:
    return visitor.call("POST", "/api/auth/refresh", json={"refreshToken": token})


def by_header_with_an_empty_body(visitor: Visitor, token: str) -> Any:
    return visitor.call("POST", "/api/auth/refresh", token, json={})


def by_header_with_null(visitor: Visitor, token: str) -> Any:
    return visitor.call("POST", "/api/auth/refresh", token, json={"refreshToken": None})


def by_body_beside_an_access_token(visitor: Visitor, token: str) -> Any:
    access = visitor.pair()["accessToken"]
    return visitor.call("POST", "/api/auth/refresh", access, json={"refreshToken": token})


@pytest.mark.parametrize(
    "way",
    [
        by_header,
        by_body,
        by_header_with_an_empty_body,
        by_header_with_null,
        by_body_beside_an_access_token,
    ],
)
def test_a_refresh_token_is_exchanged_for_a_new_pair(
    visitor: Visitor, way: Callable[[Visitor, str], Any]
) -> None:
    first = visitor.pair()
    second = good(way(visitor, first["refreshToken"]))
    assert second.keys() == {"accessToken", "refreshToken", "expiresIn"}
    assert second["refreshToken"] != first["refreshToken"]
    assert second["accessToken"] != first["accessToken"]
    for pair in (first, second):
        good(visitor.me(pair["accessToken"]))


def test_a_session_lives_on_through_many_rotations(app: Flask, visitor: Visitor) -> None:
    pair = first = visitor.pair()
    for _ in range(5):
        pair = good(visitor.refresh(pair["refreshToken"]))
    session = identity(app, first["accessToken"]).session
    assert session is not None
    assert identity(app, pair["accessToken"]).session == session


def time_passes(app: Flask, seconds: float) -> None:
    """Since every exchange there was."""
    with app.app_context(), transaction() as session:
        for login in session.scalars(select(LoginSession)):
            assert login.issued_at is not None
            login.issued_at -= timedelta(seconds=seconds)


def test_a_token_just_exchanged_is_answered_again_with_the_same_pair(
    app: Flask, visitor: Visitor
) -> None:
    """The answer was lost, or a second tab held the same one."""
    first = visitor.pair()
    second = good(visitor.refresh(first["refreshToken"]))
    assert [good(visitor.refresh(first["refreshToken"])) for _ in range(2)] == [second] * 2
    good(visitor.me(second["accessToken"]))
    third = good(visitor.refresh(second["refreshToken"]))
    assert good(visitor.refresh(second["refreshToken"])) == third
    good(visitor.me(third["accessToken"]))


def test_it_is_answered_again_in_another_process_with_the_role_of_now(
    app: Flask, settings: Settings, visitor: Visitor
) -> None:
    first = visitor.pair()
    second = good(visitor.refresh(first["refreshToken"]))
    elsewhere = Visitor(create_app(settings))
    assert good(elsewhere.refresh(first["refreshToken"])) == second
    with app.app_context(), transaction() as session:
        session.scalars(select(User)).one().role = "seller"
    again = good(elsewhere.refresh(first["refreshToken"]))
    assert identity(app, again["accessToken"]).role is Role.SELLER
    good(elsewhere.refresh(again["refreshToken"]))
    with elsewhere.app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("case", ["too late", "one before the last"])
def test_reuse_of_an_old_refresh_token_revokes_the_whole_session_and_is_logged_as_that(
    app: Flask, visitor: Visitor, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    first, other = visitor.pair(), visitor.pair()
    latest = good(visitor.refresh(first["refreshToken"]))
    if case == "too late":
        time_passes(app, 15)
        good(visitor.refresh(first["refreshToken"]))
        time_passes(app, 6)
    else:
        latest = good(visitor.refresh(latest["refreshToken"]))

    assert error(visitor.refresh(first["refreshToken"])) == REVOKED

    assert error(visitor.refresh(latest["refreshToken"])) == REVOKED
    for pair in (first, latest):
        assert error(visitor.me(pair["accessToken"])) == REVOKED
    good(visitor.me(other["accessToken"]))
    good(visitor.refresh(other["refreshToken"]))
    session = identity(app, first["accessToken"]).session
    assert announced(app) == [word_of(app, session)]
    [told] = [one for one in caplog.records if one.message.startswith("refresh token reused")]
    assert (told.levelname, told.__dict__["session"]) == ("WARNING", session)


def test_tabs_that_refresh_with_one_token_at_once_get_the_same_pair(visitor: Visitor) -> None:
    token = visitor.pair()["refreshToken"]
    pairs = [good(answer) for answer in at_once(*[lambda: visitor.refresh(token)] * 4)]
    assert pairs == [pairs[0]] * 4
    good(visitor.me(pairs[0]["accessToken"]))
    good(visitor.refresh(pairs[0]["refreshToken"]))


def test_a_second_tab_that_has_been_verified_when_the_first_one_exchanges_gets_the_same_pair(
    app: Flask, visitor: Visitor
) -> None:
    """The race: two tabs send one token, both are verified, then one is exchanged. The session's
    row is locked before it is read, so the second one finds what the first has made."""
    token = visitor.pair()["refreshToken"]
    made: list[Any] = []
    with app.app_context():
        engine = db.engine
    with right_after(
        engine, "FROM ordercast_revocations", lambda: made.append(visitor.refresh(token))
    ):
        second = good(visitor.refresh(token))
    assert [good(first) for first in made] == [second]
    good(visitor.me(second["accessToken"]))


def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(
    visitor: Visitor,
) -> None:
    pair = visitor.pair()
    assert error(visitor.refresh(pair["accessToken"])) == (401, "token_invalid")
    assert error(by_body(visitor, pair["accessToken"])) == (401, "token_invalid")
    assert error(visitor.me(pair["refreshToken"])) == (401, "token_invalid")
    assert error(visitor.log_out(pair["refreshToken"])) == (401, "token_invalid")
    good(visitor.refresh(pair["refreshToken"]))


def test_a_refresh_without_any_token_asks_for_one(visitor: Visitor) -> None:
    for body in (None, {}, {"refreshToken": ""}):
        options: dict[str, Any] = {} if body is None else {"json": body}
        answer = visitor.call("POST", "/api/auth/refresh", **options)
        assert error(answer) == (401, "authentication_required")


def test_a_refresh_token_of_no_session_of_ours_is_refused(app: Flask, visitor: Visitor) -> None:
    for session in (None, "", "unknown"):
        with app.app_context():
            token = tokens.issue("refresh", "1", Role.CUSTOMER, session=session)
        assert error(visitor.refresh(token)) == REVOKED


def test_an_expired_token_says_so(app: Flask, visitor: Visitor) -> None:
    with app.app_context():
        access = tokens.issue("access", "1", Role.CUSTOMER, seconds=-1)
        refresh = tokens.issue("refresh", "1", Role.CUSTOMER, seconds=-1)
    assert error(visitor.me(access)) == (401, "token_expired")
    assert error(visitor.refresh(refresh)) == (401, "token_expired")


def test_logging_out_ends_this_session_and_no_other(app: Flask, visitor: Visitor) -> None:
    here, there = visitor.pair(), visitor.pair()
    answer = visitor.log_out(here["accessToken"])
    assert (answer.status_code, answer.data) == (204, b"")
    assert error(visitor.me(here["accessToken"])) == REVOKED
    assert error(visitor.refresh(here["refreshToken"])) == REVOKED
    assert error(visitor.log_out(here["accessToken"])) == REVOKED
    good(visitor.me(there["accessToken"]))
    session = identity(app, here["accessToken"]).session
    assert announced(app) == [word_of(app, session)]


def test_logging_out_with_a_token_of_no_session_revokes_that_token(
    app: Flask, visitor: Visitor
) -> None:
    with app.app_context():
        one, other = (tokens.issue("access", "1", Role.CUSTOMER) for _ in range(2))
    assert visitor.log_out(one).status_code == 204
    assert error(visitor.me(one)) == REVOKED
    good(visitor.me(other))


def test_revoking_a_session_ends_its_tokens(app: Flask, visitor: Visitor) -> None:
    here, there = visitor.pair(), visitor.pair()
    revoke(app, RevocationKind.SESSION, identity(app, here["accessToken"]).session)
    assert error(visitor.me(here["accessToken"])) == REVOKED
    assert error(visitor.refresh(here["refreshToken"])) == REVOKED
    good(visitor.me(there["accessToken"]))


def test_revoking_a_token_ends_just_that_one(app: Flask, visitor: Visitor) -> None:
    pair = visitor.pair()
    revoke(app, RevocationKind.TOKEN, identity(app, pair["accessToken"]).jti)
    assert error(visitor.me(pair["accessToken"])) == REVOKED
    good(visitor.me(good(visitor.refresh(pair["refreshToken"]))["accessToken"]))


def test_revoking_a_user_ends_every_login_and_later_ones_are_good(
    app: Flask, visitor: Visitor
) -> None:
    good(visitor.register(email="bob@example.com"), 201)
    bob = good(visitor.log_in("bob@example.com"))
    pairs = [visitor.pair(), visitor.pair()]
    with app.app_context():
        foreign = tokens.issue("access", "1", Role.CUSTOMER)

    revoke(app, RevocationKind.USER, "1")

    for pair in pairs:
        assert error(visitor.me(pair["accessToken"])) == REVOKED
        assert error(visitor.refresh(pair["refreshToken"])) == REVOKED
    assert error(visitor.me(foreign)) == REVOKED
    good(visitor.me(bob["accessToken"]))
    with app.app_context():
        logins = db.session.scalars(select(LoginSession).where(LoginSession.user_id == 1)).all()
    assert all(login.revoked_at for login in logins)
    assert len(announced(app)) == 3  # the user and both logins

    good(visitor.me(visitor.pair()["accessToken"]))


def test_a_session_expires_in_the_table_when_its_refresh_token_does(
    app: Flask, visitor: Visitor
) -> None:
    before = now()
    visitor.pair()
    with app.app_context():
        login = db.session.scalars(select(LoginSession)).one()
    assert login.expires_at >= before + timedelta(seconds=tokens.REFRESH_SECONDS)


def test_revoking_what_we_do_not_know_is_announced_all_the_same(
    app: Flask, visitor: Visitor
) -> None:
    values = ("nobody", "9" * 30, "٣", "-1", "0", "x" * 200)
    for kind in RevocationKind:
        for value in values:
            revoke(app, kind, value)
    assert len(announced(app)) == len(RevocationKind) * len(values)
    good(visitor.me(visitor.pair()["accessToken"]))

"""Two clocks: what another one says of the past is taken with JWT_LEEWAY; the end is exact."""

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_jwt_extended import get_jwt, get_jwt_identity, jwt_required

from app import create_app
from app.accounts import revocation, tokens
from app.accounts.models import Role
from app.config import Settings
from app.db import db
from app.extension import cast
from ordercast.revocation.memory import Revocations
from tests.harness.application.market import error, good
from tests.harness.people.keys import claims, hs256
from tests.harness.people.visitor import Visitor

LEEWAY = 30
INVALID, EXPIRED, REVOKED = ((401, f"token_{word}") for word in ("invalid", "expired", "revoked"))


@pytest.fixture
def app(settings: Settings) -> Any:
    """With a view of a team's own beside ours."""
    app = create_app(settings)

    @app.get("/api/team")
    @jwt_required()
    def team() -> dict[str, str]:
        assert (get_jwt_identity(), get_jwt()["role"] in {*Role}) == ("7", True)
        return {"hello": "team"}

    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def doors(visitor: Visitor) -> Callable[[str], list[Any]]:
    """What a token gets at the API, and at a team's own view."""

    def ask(token: str) -> list[Any]:
        answers = [visitor.call("GET", path, token) for path in ("/api/products", "/api/team")]
        return [200 if answer.status_code == 200 else error(answer) for answer in answers]

    return ask


def ahead(seconds: float) -> float:
    return time.time() + seconds


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_clock_that_is_ahead_is_believed_within_the_leeway(
    doors: Callable[[str], list[Any]], name: str
) -> None:
    for seconds in (1, 2.5, 0.4, LEEWAY - 5):
        assert doors(hs256(claims(**{name: ahead(seconds)}))) == [200, 200], seconds
        assert doors(hs256(claims(**{name: int(ahead(seconds))}))) == [200, 200], seconds
    for seconds in (LEEWAY + 5, 3600, 10**12, 1e300):
        assert doors(hs256(claims(**{name: ahead(seconds)}))) == [INVALID] * 2, seconds


def test_an_end_is_exact(doors: Callable[[str], list[Any]]) -> None:
    for seconds in (-0.5, -1, -LEEWAY + 1, -LEEWAY - 1, -(10**9)):
        assert doors(hs256(claims(exp=ahead(seconds)))) == [EXPIRED] * 2, seconds
    assert doors(hs256(claims(exp=ahead(LEEWAY)))) == [200, 200]


@pytest.mark.parametrize("leeway", [0, 5])
def test_the_leeway_is_a_setting(settings: Settings, leeway: int) -> None:
    app = create_app(settings.model_copy(update={"JWT_LEEWAY": leeway}))
    visitor = Visitor(app)
    good(visitor.call("GET", "/api/products", hs256(claims(iat=ahead(leeway - 1)))))
    assert error(visitor.me(hs256(claims(iat=ahead(leeway + 5))))) == INVALID
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("seconds", [2, 0.5, LEEWAY - 5])
def test_a_token_issued_by_a_clock_that_is_ahead_does_not_survive_its_revocation(
    app: Flask, doors: Callable[[str], list[Any]], seconds: float
) -> None:
    """Also one that names a session: of another issuer's sessions nothing is known here."""
    before = [hs256(claims(iat=ahead(seconds), session=name)) for name in (None, "theirs")]
    assert [doors(token) for token in before] == [[200, 200]] * 2
    revocation.revoke_user("7")
    db.session.rollback()
    assert [doors(token) for token in before] == [[REVOKED] * 2] * 2
    in_memory = Revocations(cast.revocations)
    assert all(in_memory.hits(tokens.read(token)) for token in before)


def test_a_login_here_is_good_the_moment_after_its_users_revocation(
    app: Flask, visitor: Visitor
) -> None:
    """No second is waited for: the sessions of before have ended by name."""
    good(visitor.register(), 201)
    before = visitor.pair()
    with app.app_context():
        revocation.revoke_user(before["user"]["id"])
    after = visitor.pair()
    good(visitor.me(after["accessToken"]))
    good(visitor.me(good(visitor.refresh(after["refreshToken"]))["accessToken"]))
    assert error(visitor.me(before["accessToken"])) == REVOKED
    assert error(visitor.refresh(before["refreshToken"])) == REVOKED
    in_memory = Revocations(cast.revocations)
    with app.app_context():
        assert in_memory.hits(tokens.read(before["accessToken"]))
        assert not in_memory.hits(tokens.read(after["accessToken"]))


def test_a_token_of_a_session_that_nobody_knows_any_more_goes_with_its_user(app: Flask) -> None:
    """As after a backup was restored: the session has no row, and no revocation of its own."""
    old = tokens.issue("access", "7", Role.CUSTOMER, session="of before the backup", seconds=3600)
    revocation.revoke_user("7")
    [(mark, _)] = cast.revocations.recent(None)
    identity, rules = tokens.read(old), cast.revocations.rules
    assert identity.is_local
    assert not rules.hits(identity, mark)
    later = mark._replace(at=mark.at.replace(year=mark.at.year + 1))
    assert rules.hits(identity, later)


def reason(caplog: pytest.LogCaptureFixture, visitor: Visitor, token: str) -> str:
    """What the log says of a token that is refused; never the token."""
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert visitor.me(token).status_code == 401
    [record] = [one for one in caplog.records if one.getMessage() == "token refused"]
    if token:
        assert all(str(part) not in str(vars(record)) for part in token.split(".") if len(part) > 5)
    return str(record.__dict__["reason"])


def test_why_a_token_was_refused_is_in_the_log_in_words(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    def why(**changes: Any) -> str:
        return reason(caplog, visitor, hs256(claims(**changes)))

    assert why(exp=ahead(-90)) in ("expired 90 s ago", "expired 91 s ago")
    assert "issued in the future (iat): 90 s ahead of this clock; JWT_LEEWAY is 30" in [
        why(iat=ahead(90)) for _ in range(3)
    ]
    assert why(nbf=ahead(90)).startswith("not yet valid (nbf): ")
    assert why(iat="now") == "its iat is no time"
    assert why(exp=None) == "it has no exp"
    assert why(sub=None) == "it has no sub"
    assert why(sub=7.5) == "its sub is no text"
    assert why(type="refresh") == "it is no access token: its type is 'refresh'"
    assert why(token_use="id") == "it is no access token: its token_use is 'id'"
    assert why(aud="another") == "its audience (aud) is 'another', and JWT_AUDIENCE is not set"
    assert why(jti="x" * 256).startswith("its jti is not up to 255")
    assert reason(caplog, visitor, hs256(claims(), "another-secret-of-enough-characters")) == (
        "wrong signature"
    )
    other = reason(caplog, visitor, hs256(claims(), alg="HS512"))
    assert other == "its algorithm 'HS512' is none of HS256"
    assert reason(caplog, visitor, "garbage") == "malformed"
    cast.revoke(token="gone")
    db.session.rollback()
    assert why(jti="gone").startswith("its token was revoked at 20")


ODD = ["none", "None", "HS512", "RS256", ""]


def test_a_teams_own_view_refuses_whatever_the_api_refuses(
    doors: Callable[[str], list[Any]],
) -> None:
    """And never with a 500: a strange algorithm, a claim of the wrong kind."""
    starts: list[Any] = ["now", True, [], 2**60, 1e300]
    refused = [hs256(claims(), alg=algorithm) for algorithm in ODD]
    refused += [hs256(claims(sub=subject)) for subject in (None, 7.5, "", "x" * 201, "a\nb")]
    refused += [hs256(claims(exp=end)) for end in ("soon", True, None)]
    refused += [hs256(claims(iat=start)) for start in starts]
    refused += [hs256(claims(jti=7)), hs256(claims(aud="another")), "x.y.z", "x", hs256([])]
    for token in refused:
        assert doors(token) == [INVALID] * 2, token


def test_a_teams_own_view_takes_whatever_the_api_takes(doors: Callable[[str], list[Any]]) -> None:
    """And never with a 500: an unknown role, no type, no jti, a number as the user."""
    taken = [hs256(claims(role=role)) for role in ("owner", None, 7, ["admin"], {"x": 1})]
    taken += [
        hs256(claims(type=None, jti=None)),
        hs256(claims(type="Bearer")),
        hs256(claims(sub=7)),
    ]
    for token in taken:
        assert doors(token) == [200, 200], token

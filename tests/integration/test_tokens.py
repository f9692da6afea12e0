"""Tokens at the door of the API: whatever is not a good one is 401, never anything else."""

import time
from collections.abc import Callable, Iterator

import orjson
import pytest
from flask import Flask

from app import create_app
from app.accounts import revocation, tokens
from app.accounts.models import Role
from app.config import Settings
from app.db import db
from tests.harness.application.market import error, good
from tests.harness.people.keys import claims, hs256, part, signed
from tests.harness.people.visitor import Visitor

INVALID = (401, "token_invalid")
HS256 = b'{"alg":"HS256","typ":"JWT"}'


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def is_good(visitor: Visitor) -> Callable[[str], bool]:
    return visitor.is_let_in


def test_a_token_made_by_hand_with_the_right_secret_is_good(
    is_good: Callable[[str], bool],
) -> None:
    assert is_good(hs256(claims()))
    assert is_good(hs256(claims(jti=None, iat=None)))
    assert is_good(hs256(claims(exp=time.time() + 600.5)))


def test_a_wrong_signature_is_refused(visitor: Visitor) -> None:
    token = hs256(claims())
    head, payload, signature = token.split(".")
    forged = orjson.dumps(claims(role="admin"))
    for wrong in (
        hs256(claims(), "another-secret-that-is-also-long-enough"),
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{head}.{part(forged)}.{signature}",
        f"{head}.{payload}.{part(b'x' * 32)}",
        token + "A",
        "",
        ".",
        "..",
        "a.b.c.d",
    ):
        answer = visitor.me(wrong)
        assert error(answer) in (INVALID, (401, "authentication_required")), wrong


def test_a_token_without_an_algorithm_or_with_another_is_refused(visitor: Visitor) -> None:
    payload = part(orjson.dumps(claims()))
    for algorithm in ("none", "None", "NONE", "", "HS384", "HS512", "RS256", "ES256", "PS256"):
        head = orjson.dumps({"alg": algorithm, "typ": "JWT"})
        assert error(visitor.me(f"{part(head)}.{payload}.")) == INVALID
        assert error(visitor.me(signed(head, orjson.dumps(claims())))) == INVALID


def test_an_expired_token_says_so_and_one_from_the_future_is_invalid(visitor: Visitor) -> None:
    now = int(time.time())
    assert error(visitor.me(hs256(claims(exp=now - 1)))) == (401, "token_expired")
    for early in (claims(nbf=now + 3600), claims(iat=now + 3600)):
        assert error(visitor.me(hs256(early))) == INVALID


def test_a_header_without_a_bearer_token_asks_for_one(visitor: Visitor) -> None:
    for value in ("Basic YWxpY2U6cHc=", "Bearer", "Bearer ", "Token x", "bearer\tx", "x", ""):
        answer = visitor.call("GET", "/api/auth/me", headers={"Authorization": value})
        assert error(answer) == (401, "authentication_required"), value


def test_the_word_bearer_may_be_written_in_any_case(visitor: Visitor) -> None:
    for word in ("bearer", "BEARER", "Bearer "):
        headers = {"Authorization": f"{word} {hs256(claims())}"}
        good(visitor.call("GET", "/api/products", headers=headers))


WRONG_CLAIMS = {
    "sub": ["", 1.5, True, ["7"], {"id": 7}, "x" * 201, "a\0b", "a\nb", "\u2028", "\u202e7"],
    "type": ["refresh", "", "Reset", 1, ["access"], {}],
    "exp": ["soon", [], {}, "", False],
    "iat": ["once", [], {}, 2**70],
    "nbf": ["later", [], {}, 2**70],
    "jti": [1, ["j"], {}, True, "x" * 256, "a\0b"],
    "session": [1, ["s"], {}, True, "x" * 256, "a\0b"],
}


@pytest.mark.parametrize("name", WRONG_CLAIMS)
def test_a_claim_of_the_wrong_kind_is_refused(is_good: Callable[[str], bool], name: str) -> None:
    for value in WRONG_CLAIMS[name]:
        header, payload = HS256, claims()
        text = orjson.dumps({**payload, name: None}).replace(
            f'"{name}":null'.encode(), f'"{name}":{as_json(value)}'.encode()
        )
        assert not is_good(signed(header, text)), value


def as_json(value: object) -> str:
    return str(value) if type(value) is int else orjson.dumps(value).decode()


def test_a_missing_claim_is_refused(is_good: Callable[[str], bool]) -> None:
    for name in ("sub", "exp"):
        assert not is_good(hs256(claims(**{name: None})))


def test_a_number_that_is_none_does_no_harm(is_good: Callable[[str], bool]) -> None:
    for number in ("1e400", "-1e400", "NaN", "Infinity", "9" * 5000, "1e308", "-1e308"):
        for name in ("exp", "iat", "nbf"):
            text = orjson.dumps({**claims(), name: 0})
            is_good(
                signed(HS256, text.replace(f'"{name}":0'.encode(), f'"{name}":{number}'.encode()))
            )


def test_a_token_that_lasts_for_ever_can_be_logged_out_too(visitor: Visitor) -> None:
    for expires in (10**11, 10**18, 1e308):
        token = hs256(claims(jti=f"j{expires}", exp=expires))
        good(visitor.call("GET", "/api/products", token))
        assert visitor.log_out(token).status_code == 204
        assert error(visitor.me(token)) == (401, "token_revoked")


def test_a_token_that_does_not_say_when_it_was_issued_is_revoked_with_its_user(
    app: Flask, visitor: Visitor
) -> None:
    old = [hs256(claims(iat=issued)) for issued in (None, 0, -1, -(10**18))]
    for token in old:
        good(visitor.call("GET", "/api/products", token))
    with app.app_context():
        revocation.revoke_user("7")
    for token in old:
        assert error(visitor.me(token)) == (401, "token_revoked")


@pytest.fixture
def neighbour(app: Flask, settings: Settings) -> Iterator[Flask]:
    """Another application in the same process, with another secret."""
    secret = "the-secret-of-another-application-here"
    other = create_app(Settings.of(**{**settings.model_dump(), "JWT_SECRET_KEY": secret}))
    yield other
    with other.app_context():
        db.engine.dispose()


def test_two_applications_in_one_process_have_their_own_keys(
    visitor: Visitor, neighbour: Flask
) -> None:
    for app, other in ((visitor.app, neighbour), (neighbour, visitor.app)):
        with app.app_context():
            token = tokens.issue("access", "7", Role.CUSTOMER)
        good(Visitor(app).call("GET", "/api/products", token))
        assert error(Visitor(other).me(token)) == INVALID


def test_a_token_that_does_not_say_its_type_is_an_access_token(
    is_good: Callable[[str], bool],
) -> None:
    assert is_good(hs256(claims(type=None)))


@pytest.mark.parametrize("name", ["type", "typ", "token_type", "token_use"])
def test_a_token_that_says_that_it_is_another_kind_is_refused(
    is_good: Callable[[str], bool], name: str
) -> None:
    for kind in ("access", "Access", "Bearer", "JWT", "at+jwt"):
        assert is_good(hs256(claims(**{"type": None, name: kind})))
    for kind in ("refresh", "Refresh", "id", "ID", "id_token", "Offline", "Logout", "reset"):
        assert not is_good(hs256(claims(**{"type": None, name: kind})))


def test_a_header_may_say_that_it_is_an_access_token_and_no_other(
    is_good: Callable[[str], bool],
) -> None:
    for kind in ("jwt", "at+jwt", "application/at+jwt"):
        assert is_good(hs256(claims(), typ=kind))
    for other in ("logout+jwt", "dpop+jwt", "id_token", 7):
        assert not is_good(hs256(claims(), typ=other))


def test_a_user_may_be_a_whole_number(visitor: Visitor) -> None:
    assert visitor.is_let_in(hs256(claims(sub=7)))


def test_logging_out_with_a_token_that_cannot_be_revoked_says_so(visitor: Visitor) -> None:
    token = hs256(claims(jti=None))
    assert error(visitor.call("POST", "/api/auth/logout", token)) == INVALID

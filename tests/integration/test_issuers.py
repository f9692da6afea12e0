"""Tokens of a team's own identity service: RS256 or ES256 with JWT_PUBLIC_KEY."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask

from app.config import Settings, key_algorithm
from tests.harness.keys import claims, hs256, public_pem
from tests.harness.market import error, good
from tests.harness.processes import SECRET
from tests.harness.visitor import Visitor

INVALID = (401, "token_invalid")


@pytest.fixture(scope="session")
def keys() -> dict[str, Any]:
    return {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
    }


@pytest.fixture(params=["RS256", "ES256"])
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def key(keys: dict[str, Any], algorithm: str) -> Any:
    """The private key of the identity service."""
    return keys[algorithm]


@pytest.fixture
def settings(settings: Settings, key: Any) -> Settings:
    return Settings.of(**{**settings.model_dump(), "JWT_PUBLIC_KEY": public_pem(key)})


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


def test_its_tokens_are_good_and_need_no_account(
    visitor: Visitor, key: Any, algorithm: str
) -> None:
    assert key_algorithm(public_pem(key)) == algorithm
    token = jwt.encode(claims(sub="auth0|7f", role="seller"), key, algorithm)
    good(visitor.call("GET", "/api/orders", token))
    assert error(visitor.me(token)) == (404, "not_found")
    body = {"name": "Tea", "priceCents": 1}
    assert error(visitor.call("POST", "/api/products", token, json=body)) == (
        403,
        "account_required",
    )


def test_its_tokens_can_be_logged_out(visitor: Visitor, key: Any, algorithm: str) -> None:
    one, other = (jwt.encode(claims(jti=jti), key, algorithm) for jti in ("one", "other"))
    assert visitor.log_out(one).status_code == 204
    assert error(visitor.me(one)) == (401, "token_revoked")
    good(visitor.call("GET", "/api/orders", other))


def test_our_own_tokens_stay_good_beside_them(visitor: Visitor) -> None:
    good(visitor.register(), 201)
    pair = visitor.pair()
    assert jwt.get_unverified_header(pair["accessToken"])["alg"] == "HS256"
    good(visitor.me(pair["accessToken"]))
    good(visitor.refresh(pair["refreshToken"]))


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(
    visitor: Visitor, key: Any, algorithm: str
) -> None:
    pem = public_pem(key)
    for secret in (pem, pem.strip(), pem.replace("\n", "\\n")):
        assert error(visitor.me(hs256(claims(), secret))) == INVALID
        assert error(visitor.me(hs256(claims(), secret, alg=algorithm))) == INVALID


def test_a_token_signed_with_our_secret_that_says_it_is_theirs_is_refused(
    visitor: Visitor, algorithm: str
) -> None:
    assert error(visitor.me(hs256(claims(), SECRET, alg=algorithm))) == INVALID


def test_a_token_of_another_key_or_another_algorithm_is_refused(
    visitor: Visitor, keys: dict[str, Any], algorithm: str
) -> None:
    strangers = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
    }
    assert error(visitor.me(jwt.encode(claims(), strangers[algorithm], algorithm))) == INVALID
    (not_configured,) = keys.keys() - {algorithm}
    token = jwt.encode(claims(), keys[not_configured], not_configured)
    assert error(visitor.me(token)) == INVALID


def test_another_algorithm_of_the_same_rsa_key_is_refused(
    visitor: Visitor, keys: dict[str, Any]
) -> None:
    for other in ("RS384", "RS512", "PS256"):
        assert error(visitor.me(jwt.encode(claims(), keys["RS256"], other))) == INVALID


def test_it_cannot_issue_refresh_tokens_for_sessions_that_are_not_there(
    visitor: Visitor, key: Any, algorithm: str
) -> None:
    token = jwt.encode(claims(type="refresh", session="theirs"), key, algorithm)
    assert error(visitor.refresh(token)) == (401, "token_revoked")
    assert error(visitor.me(token)) == INVALID

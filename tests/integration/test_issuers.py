"""Tokens of a team's own identity service: RS256 or ES256 with JWT_PUBLIC_KEY."""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask

from app import create_app
from app.accounts import tokens
from app.accounts.models import Role, User
from app.config import Settings
from app.db import db
from app.doctor.accounts import examinations
from ordercast import Unhealthy
from tests.harness.application.market import error, good
from tests.harness.people.keys import claims, hs256, public_pem
from tests.harness.people.visitor import Visitor
from tests.harness.processes.process import SECRET

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


def test_nobody_registers_logs_in_or_refreshes_here(visitor: Visitor) -> None:
    """Whoever did would get an id of the other service's users."""
    off = (403, "local_accounts_off")
    assert error(visitor.register()) == off
    assert error(visitor.register(role="seller")) == off
    assert error(visitor.log_in()) == off
    assert error(visitor.refresh("whatever it is")) == off
    with visitor.app.app_context():
        assert db.session.query(User).count() == 0


def test_a_token_made_here_is_never_good_there(
    settings: Settings, visitor: Visitor, key: Any, algorithm: str
) -> None:
    """By a login of before, by `flask token`, or by hand with the secret: id 1 is another's."""
    local = create_app(settings.model_copy(update={"JWT_PUBLIC_KEY": None}))
    here = Visitor(local)
    good(here.register(), 201)
    pair = here.pair()
    assert jwt.get_unverified_header(pair["accessToken"])["alg"] == "HS256"
    with local.app_context():
        made = tokens.issue("access", "1", Role.SELLER)
    for token in (pair["accessToken"], made, hs256(claims(sub="1"))):
        good(here.call("GET", "/api/orders", token))
        for path in ("/api/orders", "/api/events", "/api/notifications", "/api/auth/me"):
            assert error(visitor.call("GET", path, token)) == INVALID
    assert error(visitor.refresh(pair["refreshToken"])) == (403, "local_accounts_off")
    theirs = jwt.encode(claims(sub="1"), key, algorithm)
    good(visitor.call("GET", "/api/orders", theirs))
    assert error(here.me(theirs)) == INVALID
    with local.app_context():
        db.engine.dispose()


def test_the_commands_make_no_user_that_is_not_the_issuers(visitor: Visitor, key: Any) -> None:
    run = visitor.app.test_cli_runner().invoke
    token = run(args=["token", "--sub", "7", "--role", "seller"])
    assert (token.exit_code, token.stdout) == (1, "")
    assert token.stderr.startswith("foreign_issuer: ")
    person = ["users", "add", "--email", "a@example.com", "--name", "A", "--role", "customer"]
    assert run(args=person).stderr.startswith("id_missing: ")
    for wrong in ("auth0|7", "0", "-1", "07", "9" * 30):
        assert run(args=[*person, "--id", wrong]).stderr.startswith("validation_error: ")
    assert run(args=["demo-data"]).stderr.startswith("local_accounts_off: ")
    assert run(args=[*person, "--id", "7"]).stdout == "7  customer  a@example.com\n"
    again = run(args=[*person, "--id", "7"])
    assert again.stderr == "id_taken: The user 7 has an account already: a@example.com.\n"
    assert again.exit_code == 1


def test_an_account_under_its_id_is_that_users(visitor: Visitor, key: Any, algorithm: str) -> None:
    person = ["--email", "b@example.com", "--name", "B", "--role", "seller", "--id", "7"]
    assert visitor.app.test_cli_runner().invoke(args=["users", "add", *person]).exit_code == 0
    seven, eight = (
        jwt.encode(claims(sub=sub, role="seller"), key, algorithm) for sub in ("7", "8")
    )
    assert good(visitor.me(seven))["email"] == "b@example.com"
    assert error(visitor.me(eight)) == (404, "not_found")
    body = {"name": "Tea", "priceCents": 1}
    good(visitor.call("POST", "/api/products", seven, json=body), 201)


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
    strangers: dict[str, Any] = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
    }
    assert error(visitor.me(jwt.encode(claims(), strangers[algorithm], algorithm))) == INVALID
    (not_configured,) = keys.keys() - {algorithm}
    token = jwt.encode(claims(), keys[not_configured], not_configured)
    assert error(visitor.me(token)) == INVALID


def test_it_cannot_issue_refresh_tokens_for_sessions_that_are_not_there(
    visitor: Visitor, key: Any, algorithm: str
) -> None:
    token = jwt.encode(claims(type="refresh", session="theirs"), key, algorithm)
    assert error(visitor.refresh(token)) == (403, "local_accounts_off")
    assert error(visitor.me(token)) == INVALID


@pytest.fixture
def shared(settings: Settings) -> Iterator[tuple[Visitor, Visitor]]:
    """Two services with one secret; at the second one LOCAL_ACCOUNTS is off."""
    apps = [
        create_app(settings.model_copy(update={"JWT_PUBLIC_KEY": None, "LOCAL_ACCOUNTS": wanted}))
        for wanted in (True, False)
    ]
    yield Visitor(apps[0]), Visitor(apps[1])
    for app in apps:
        with app.app_context():
            db.engine.dispose()


def test_without_local_accounts_the_holders_of_the_secret_are_the_issuer(
    shared: tuple[Visitor, Visitor],
) -> None:
    on, off = shared
    good(on.register(), 201)
    pair = on.pair()
    assert error(off.register()) == error(off.log_in()) == (403, "local_accounts_off")
    assert error(off.me(pair["accessToken"])) == INVALID
    good(off.call("GET", "/api/orders", hs256(claims())))
    with off.app.app_context():
        made = tokens.issue("access", "7", Role.SELLER)
    good(off.call("GET", "/api/orders", made))


def test_doctor_finds_accounts_of_this_service_under_another_issuers_ids(
    shared: tuple[Visitor, Visitor],
) -> None:
    on, off = shared

    def ask(visitor: Visitor) -> str:
        _, issuer = examinations(visitor.app.config["SETTINGS"])
        with visitor.app.app_context():
            return issuer.ask()

    assert ask(off) == "the users are another service's"
    good(on.register(), 201)
    on.pair()
    assert ask(on) == "the users are this service's own"
    with pytest.raises(Unhealthy, match="1 of this service's own accounts"):
        ask(off)

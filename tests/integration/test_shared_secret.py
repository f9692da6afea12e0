"""One secret, several holders: what the tokens say decides whose they are, and what is made here
says the same."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import jwt
import pytest
from click.testing import Result

from app import create_app
from app.accounts import tokens
from app.config import Settings, load
from app.db import db
from app.roles import Role
from tests.harness.application.market import error, good
from tests.harness.people.keys import claims, hs256
from tests.harness.people.visitor import Visitor
from tests.harness.processes.process import SECRET

INVALID = (401, "token_invalid")
THEIRS = {
    "JWT_ISSUER": "https://django.example",
    "JWT_AUDIENCE": "shop,app",
    "JWT_USER_CLAIM": "user.id",
    "JWT_ROLE_CLAIM": "groups",
    "JWT_ROLES": "seller=SELLER,admin=ops",
}

Service = Callable[..., Visitor]


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    """A builder: the marketplace with these variables, on the test's database."""
    places = {"DATABASE_URL": settings.DATABASE_URL, "REDIS_URL": settings.REDIS_URL}
    cheap = {"PASSWORD_HASH_KIB": str(settings.PASSWORD_HASH_KIB)}
    with ExitStack() as stack:

        def make(**variables: str) -> Visitor:
            app = create_app(load({**places, **cheap, "JWT_SECRET_KEY": SECRET, **variables}))

            def end() -> None:
                with app.app_context():
                    db.session.remove()
                    db.engine.dispose()

            stack.callback(end)
            return Visitor(app)

        yield make


def command(visitor: Visitor, role: str) -> Result:
    """`flask token`, as the shell runs it."""
    arguments = ["token", "--sub", "7", "--role", role]
    with visitor.app.app_context():
        return visitor.app.test_cli_runner().invoke(args=arguments)


def said(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_with_an_issuer_its_tokens_count_and_those_made_by_a_login_do_not(service: Service) -> None:
    before = service()
    good(before.register(), 201)
    pair = before.pair()
    now = service(JWT_ISSUER="https://django.example")
    assert error(now.log_in()) == error(now.register()) == (403, "local_accounts_off")
    theirs = hs256(claims(iss="https://django.example"))
    good(now.call("GET", "/api/orders", theirs))
    for token in (pair["accessToken"], hs256(claims()), hs256(claims(iss="ordercast"))):
        assert error(now.call("GET", "/api/orders", token)) == INVALID
    assert error(now.refresh(pair["refreshToken"])) == (403, "local_accounts_off")


def test_a_token_from_the_command_says_what_the_issuers_say(service: Service) -> None:
    visitor = service(**THEIRS)
    for role, name in (("seller", "SELLER"), ("admin", "ops"), ("customer", "customer")):
        token = command(visitor, role).stdout.strip()
        found = said(token)
        assert (found["iss"], found["aud"]) == ("https://django.example", "shop")
        assert (found["user"], found["groups"]) == ({"id": "7"}, name)
        with visitor.app.app_context():
            identity = tokens.read(token)
        assert (identity.user_id, identity.role) == ("7", Role(role))
        good(visitor.call("GET", "/api/orders", token))


def test_a_role_that_the_issuer_has_no_name_for_cannot_be_given(service: Service) -> None:
    visitor = service(JWT_ISSUER="https://django.example", JWT_ROLES="seller=SELLER")
    done = command(visitor, "admin")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "unknown_role: JWT_ROLES has no name for the role admin: it would be customer.\n"
    )


def test_logins_here_go_on_where_other_claims_are_asked_for(service: Service) -> None:
    """An audience, the place of the user's id and names of roles: also for a team's own tokens."""
    others = {name: text for name, text in THEIRS.items() if name != "JWT_ISSUER"}
    visitor = service(**others)
    good(visitor.register(role="seller"), 201)
    pair = visitor.pair()
    assert said(pair["accessToken"])["aud"] == "shop"
    assert good(visitor.me(pair["accessToken"]))["role"] == "seller"
    again = good(visitor.refresh(pair["refreshToken"]))
    assert good(visitor.me(again["accessToken"]))["id"] == pair["user"]["id"]
    theirs = hs256(claims(sub=None, aud="app", user={"id": 9}, role="admin", groups=["ops"]))
    with visitor.app.app_context():
        identity = tokens.read(theirs)
    assert (identity.user_id, identity.role) == ("9", Role.ADMIN)
    assert error(visitor.me(hs256(claims(aud="other")))) == INVALID

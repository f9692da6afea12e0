"""Keeping somebody out: disabled accounts, other roles and passwords, and what commands say."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, update

from app.accounts import administration, tokens
from app.accounts.models import Role, User
from app.accounts.revocation import RULES
from app.config import Settings
from app.db import db, now, transaction
from app.extension import cast
from ordercast.revocation import RevocationStore, Rules
from ordercast.revocation.memory import Revocations
from ordercast.revocation.tables import REVOCATIONS
from tests.conftest import redis_in
from tests.harness.application.market import error, good
from tests.harness.faults.races import right_after
from tests.harness.people.keys import claims, hs256
from tests.harness.people.visitor import Visitor
from tests.harness.servers.redis import RedisServer

REVOKED, OUTDATED = (401, "token_revoked"), (401, "token_expired")
DISABLED = (403, "account_disabled")
UNKNOWN = "sockets unknown: no web process answered"
ALICE = "alice@example.com"
RUN = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Of this file's own: no web process of other tests answers how many it closes."""
    with redis_in(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Alice, user 1."""
    visitor = Visitor(app)
    good(visitor.register(), 201)
    return visitor


@pytest.fixture
def run(app: Flask) -> RUN:
    """A command -> its exit code and what it said."""

    def run(*arguments: str) -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=arguments)
        db.session.rollback()
        return done.exit_code, done.output.strip()

    return run


@pytest.mark.parametrize("who", [ALICE, "ALICE@Example.com", "1"])
def test_a_disabled_account_is_out_until_it_is_enabled(
    app: Flask, visitor: Visitor, run: RUN, who: str
) -> None:
    pair = visitor.pair()
    made = tokens.issue("access", "1", Role.CUSTOMER)
    assert run("users", "disable", who) == (0, f"disabled user 1 ({ALICE}): 1 session, {UNKNOWN}")

    theirs = hs256(claims(sub="1", iat=None))
    for token in (pair["accessToken"], made, theirs, tokens.issue("access", "1", Role.ADMIN)):
        assert error(visitor.me(token)) == REVOKED
        assert Revocations(cast.revocations).hits(tokens.read(token))
    assert error(visitor.refresh(pair["refreshToken"])) == REVOKED
    assert error(visitor.log_in()) == DISABLED
    assert error(visitor.log_in(password="wrong")) == (401, "invalid_credentials")
    assert run("users")[1].endswith("disabled")

    assert run("users", "enable", who) == (0, f"enabled user 1 ({ALICE})")

    assert error(visitor.me(pair["accessToken"])) == REVOKED
    assert error(visitor.refresh(pair["refreshToken"])) == REVOKED
    again = visitor.pair()
    good(visitor.me(again["accessToken"]))
    assert not Revocations(cast.revocations).hits(tokens.read(again["accessToken"]))
    good(visitor.refresh(again["refreshToken"]))
    assert not run("users")[1].endswith("disabled")


def test_an_account_that_something_else_disabled_cannot_log_in_or_refresh(
    visitor: Visitor,
) -> None:
    pair = visitor.pair()
    with transaction() as session:
        session.query(User).update({"disabled_at": User.created_at})
    assert error(visitor.refresh(pair["refreshToken"])) == REVOKED
    assert error(visitor.log_in()) == DISABLED


@pytest.mark.parametrize("change", ["disabled", "another password"])
def test_a_login_whose_password_was_read_just_before_does_not_slip_through(
    app: Flask, visitor: Visitor, change: str
) -> None:
    """The race: the password is read, the account changes, the session is opened. Both lock the
    account, and the login looks at it again under its lock."""
    alice = administration.find(ALICE)
    assert alice is not None

    def act() -> None:
        with app.app_context():
            if change == "disabled":
                administration.disable(alice)
            else:
                administration.change_password(alice, "another password of hers")

    with right_after(db.engine, "FROM users", act):
        answer = visitor.log_in()
    expected = DISABLED if change == "disabled" else (401, "invalid_credentials")
    assert error(answer) == expected


def test_another_role_counts_at_once_and_a_refresh_brings_it(
    app: Flask, visitor: Visitor, run: RUN
) -> None:
    pair = visitor.pair()
    said = f"user 1 ({ALICE}) is seller now: {UNKNOWN}"
    assert run("users", "role", ALICE, "seller") == (0, said)
    assert error(visitor.me(pair["accessToken"])) == OUTDATED
    assert Revocations(cast.revocations).hits(tokens.read(pair["accessToken"]))
    second = good(visitor.refresh(pair["refreshToken"]))
    assert good(visitor.me(second["accessToken"]))["role"] == "seller"
    assert tokens.read(second["accessToken"]).role is Role.SELLER
    assert not Revocations(cast.revocations).hits(tokens.read(second["accessToken"]))
    # And back: the one in between does not say what is true any more.
    assert run("users", "role", "1", "customer")[0] == 0
    assert error(visitor.me(second["accessToken"])) == OUTDATED
    third = good(visitor.refresh(second["refreshToken"]))
    good(visitor.me(third["accessToken"]))
    assert tokens.read(third["accessToken"]).role is Role.CUSTOMER


def test_a_token_of_years_does_not_bring_an_old_role_back(visitor: Visitor, run: RUN) -> None:
    """What is pruned has expired; this must not have."""
    made = tokens.issue("access", "1", Role.ADMIN, seconds=10 * 365 * 86_400)
    assert run("users", "role", "1", "customer")[0] == 0
    with transaction() as session:
        far = now() + timedelta(days=365)
        session.execute(delete(REVOCATIONS).where(REVOCATIONS.c.expires_at < far))
    assert error(visitor.me(made)) == OUTDATED
    assert Revocations(cast.revocations).hits(tokens.read(made))
    good(visitor.me(tokens.issue("access", "1", Role.CUSTOMER)))


def test_a_role_that_something_else_changed_a_day_later_counts(visitor: Visitor, run: RUN) -> None:
    assert run("users", "role", "1", "seller")[0] == 0
    with transaction() as session:
        session.execute(update(REVOCATIONS).values(revoked_at=now() - timedelta(days=2)))
        session.execute(update(User).values(role=Role.CUSTOMER))
    pair = visitor.pair()
    assert good(visitor.me(pair["accessToken"]))["role"] == "customer"
    assert not Revocations(cast.revocations).hits(tokens.read(pair["accessToken"]))


def test_a_role_that_is_changed_while_disabled_opens_nothing(visitor: Visitor, run: RUN) -> None:
    run("users", "disable", "1")
    assert run("users", "role", "1", "admin")[0] == 0
    assert error(visitor.me(tokens.issue("access", "1", Role.ADMIN))) == REVOKED
    assert error(visitor.log_in()) == DISABLED
    run("users", "enable", "1")
    assert good(visitor.log_in())["user"]["role"] == "admin"


def test_another_password_ends_the_sessions(visitor: Visitor, run: RUN) -> None:
    pair = visitor.pair()
    code, said = run("users", "password", ALICE)
    told, made = said.rsplit("  ", 1)
    assert (code, told) == (0, f"new password for user 1 ({ALICE}): 1 session, {UNKNOWN}")
    assert error(visitor.me(pair["accessToken"])) == REVOKED
    assert error(visitor.refresh(pair["refreshToken"])) == REVOKED
    assert error(visitor.log_in()) == (401, "invalid_credentials")
    good(visitor.log_in(password=made))
    for guessed in ("short", "password", ALICE):
        code, said = run("users", "password", "1", "--password", guessed)
        assert (code, said.startswith("validation_error: ")) == (1, True), said
    good(visitor.log_in(password=made))


NOBODY = ["2", "nobody@example.com", "0", "-1", "alice", "", "x" * 300, "a\nb", "9" * 30]


@pytest.mark.parametrize("who", NOBODY)
def test_a_command_for_nobody_fails_and_says_so(visitor: Visitor, run: RUN, who: str) -> None:
    pair = visitor.pair()
    for command in (
        ["revoke", f"--user={who}"],
        ["disconnect", f"--user={who}"],
        ["users", "disable", "--", who],
        ["users", "enable", "--", who],
        ["users", "role", "--", who, "seller"],
        ["users", "password", "--", who],
    ):
        code, said = run(*command)
        assert (code, said.startswith("not_found: ")) == (1, True), (command, said)
    good(visitor.me(pair["accessToken"]))


@pytest.mark.parametrize("sub", ["2", "alice"])
def test_a_token_of_an_id_without_an_account_is_revoked_though_the_command_fails(
    app: Flask, run: RUN, sub: str
) -> None:
    """Its user is not connected, and nobody else can tell that there is such a token."""
    made = tokens.issue("access", sub, Role.SELLER)
    assert not Revocations(cast.revocations).hits(tokens.read(made))
    code, said = run("revoke", "--user", sub)
    assert (code, said.startswith("not_found: ")) == (1, True)
    assert said.endswith("are revoked all the same.")
    assert Revocations(cast.revocations).hits(tokens.read(made))


def test_revoking_says_whom_it_hit(visitor: Visitor, run: RUN) -> None:
    pairs = [visitor.pair() for _ in range(2)]
    login = tokens.read(pairs[0]["accessToken"]).session
    assert login is not None
    first = f"revoked session {login} of user 1 ({ALICE}): {UNKNOWN}"
    assert run("revoke", "--session", login) == (0, first)
    assert run("revoke", "--session", login) == (0, f"{first}; it had ended before")
    code, said = run("revoke", "--user", ALICE)
    assert (code, said) == (0, f"revoked user 1 ({ALICE}): 1 session, {UNKNOWN}")
    assert [error(visitor.me(pair["accessToken"])) for pair in pairs] == [REVOKED] * 2
    code, said = run("revoke", "--token", "some-jti")
    assert (code, said.startswith(f"revoked token some-jti: {UNKNOWN}; whether")) == (0, True)


def test_what_can_hit_nothing_is_refused(visitor: Visitor, run: RUN) -> None:
    whole = visitor.pair()["accessToken"]
    for option in ("--token", "--session"):
        for value in (whole, "", "x" * 256, "a\nb"):
            assert run("revoke", f"{option}={value}")[1].startswith("validation_error: "), value
    assert run("revoke", "--session", "unknown")[1].startswith("not_found: ")
    assert run("revoke")[0] == run("revoke", "--user", "1", "--token", "x")[0] == 2
    data = '{"title": "t", "message": "m", "type": "i"}'
    emit = ["emit", "notification", "--user", ALICE, "--data", data]
    assert run(*emit)[1].startswith("validation_error: Give the id")
    for subject in ("", "x" * 201, "a\nb", "nobody@example.com"):
        assert run("token", f"--sub={subject}", "--role", "seller")[0] == 1
    assert tokens.read(run("token", "--sub", ALICE, "--role", "seller")[1]).user_id == "1"


def in_memory_of_equal_clocks(app: Flask) -> Revocations:
    """Of a process that needs no leeway."""
    database = app.extensions["ordercast"].database
    return Revocations(RevocationStore(database, Rules(own=RULES), append=print))


class TestWithAnotherIssuer:
    """Its users have no account here: an id is enough, and the commands say so."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"LOCAL_ACCOUNTS": False})

    @pytest.mark.parametrize("who", ["auth0|7", "7", "somebody@example.com"])
    def test_an_id_can_be_blocked_and_let_in_again(self, app: Flask, run: RUN, who: str) -> None:
        visitor, token = Visitor(app), hs256(claims(sub=who))
        good(visitor.call("GET", "/api/orders", token))
        said = f"disabled user {who} (no account here): 0 sessions, {UNKNOWN}"
        assert run("users", "disable", who) == (0, said)
        for one in (token, hs256(claims(sub=who, jti="later", iat=claims()["iat"] + 25))):
            assert error(visitor.call("GET", "/api/orders", one)) == REVOKED
        assert run("users", "enable", who)[0] == 0
        later = hs256(claims(sub=who, jti="later", iat=claims()["iat"] + 25))
        assert not in_memory_of_equal_clocks(app).hits(tokens.read(later))
        assert run("users", "enable", who)[0] == 1

    def test_revoking_an_id_says_that_there_is_no_account(self, app: Flask, run: RUN) -> None:
        said = f"revoked user auth0|7 (no account here): 0 sessions, {UNKNOWN}"
        assert run("revoke", "--user", "auth0|7") == (0, said)
        assert run("revoke", "--session", "theirs")[0] == 0

    def test_roles_and_passwords_are_the_issuers(self, app: Flask, run: RUN) -> None:
        for command in (["role", "7", "seller"], ["password", "7"]):
            code, said = run("users", *command)
            assert (code, said.startswith("local_accounts_off: ")) == (1, True)

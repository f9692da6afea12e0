"""/api/auth/password: a user's own change of the password."""

from itertools import pairwise

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.config import Settings
from tests.harness.application.market import error, good
from tests.harness.people.keys import claims, hs256
from tests.harness.people.visitor import ALICE, PASSWORD, Visitor

NEW = "a wholly different horse"
LIMIT = 3


@pytest.fixture
def settings(settings: Settings) -> Settings:
    changes = {"LOGIN_ATTEMPTS_PER_MINUTE": LIMIT, "LOGIN_SLOWED_SECONDS": 0}
    return Settings.of(**{**settings.model_dump(), **changes})


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Alice."""
    visitor = Visitor(app)
    good(visitor.register(), 201)
    return visitor


def change(visitor: Visitor, token: str, current: str = PASSWORD, new: str = NEW) -> TestResponse:
    body = {"current": current, "new": new}
    return visitor.call("POST", "/api/auth/password", token, json=body)


def test_the_new_password_counts_and_the_other_sessions_end(visitor: Visitor) -> None:
    here, there = visitor.pair(), visitor.pair()
    assert good(change(visitor, here["accessToken"])) == {"sessionsEnded": 1}
    assert error(visitor.log_in()) == (401, "invalid_credentials")
    good(visitor.log_in(password=NEW))
    good(visitor.me(here["accessToken"]))
    good(visitor.refresh(here["refreshToken"]))
    assert error(visitor.me(there["accessToken"])) == (401, "token_revoked")
    assert error(visitor.refresh(there["refreshToken"])) == (401, "token_revoked")


def test_a_wrong_password_changes_nothing_and_counts_as_a_failed_login(visitor: Visitor) -> None:
    token = visitor.pair()["accessToken"]
    for _ in range(LIMIT):
        assert error(change(visitor, token, current="wrong")) == (403, "wrong_password")
    for answer in (change(visitor, token, current="wrong"), change(visitor, token)):
        assert error(answer) == (429, "too_many_attempts")
        assert int(answer.headers["Retry-After"]) > 0
    assert error(visitor.log_in()) == (429, "too_many_attempts")


def test_a_change_that_succeeds_does_not_count(visitor: Visitor) -> None:
    token = visitor.pair()["accessToken"]
    passwords = [PASSWORD, *(f"{NEW} {number}" for number in range(LIMIT + 2))]
    for current, new in pairwise(passwords):
        good(change(visitor, token, current, new))


def test_a_password_that_is_guessed_first_or_is_the_address_is_refused(visitor: Visitor) -> None:
    token = visitor.pair()["accessToken"]
    assert error(change(visitor, token, new="short")) == (422, "validation_error")
    for new in ("password1234", ALICE["email"]):
        assert error(change(visitor, token, new=new)) == (422, "password_refused")
    good(visitor.log_in())


def test_without_an_account_here_there_is_nothing_to_change(visitor: Visitor) -> None:
    stranger = hs256(claims(sub="an-identity-service/7"))
    assert error(change(visitor, stranger)) == (404, "not_found")

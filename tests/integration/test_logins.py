"""/api/auth/login: the password, and the limit of tries per address and account."""

import pytest
from flask import Flask
from sqlalchemy import update

from app.accounts.models import LoginAttempts
from app.config import Settings
from app.db import transaction
from tests.harness.market import details, error, good
from tests.harness.races import at_once
from tests.harness.visitor import PASSWORD, Visitor

LIMIT = 3


@pytest.fixture
def limit() -> int:
    return LIMIT


@pytest.fixture
def settings(settings: Settings, limit: int) -> Settings:
    return Settings.of(**{**settings.model_dump(), "LOGIN_ATTEMPTS_PER_MINUTE": limit})


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Alice at home."""
    visitor = Visitor(app)
    good(visitor.register(), 201)
    return visitor


@pytest.fixture
def elsewhere(app: Flask) -> Visitor:
    return Visitor(app, "2001:db8::1")


def fail(visitor: Visitor, times: int, email: str = "alice@example.com") -> None:
    for _ in range(times):
        assert error(visitor.log_in(email, "wrong")) == (401, "invalid_credentials")


def is_refused(visitor: Visitor, email: str = "alice@example.com", word: str = PASSWORD) -> bool:
    return error(visitor.log_in(email, word)) == (429, "too_many_attempts")


def test_a_login_answers_with_tokens_and_the_user(visitor: Visitor) -> None:
    answer = good(visitor.log_in())
    assert answer.keys() == {"accessToken", "refreshToken", "expiresIn", "user"}
    assert answer["expiresIn"] == 15 * 60
    assert answer["user"] == good(visitor.me(answer["accessToken"]))


def test_a_wrong_password_and_an_unknown_account_look_the_same(visitor: Visitor) -> None:
    wrong = visitor.log_in(password="wrong")
    unknown = visitor.log_in("nobody@example.com", "wrong")
    assert error(wrong) == (401, "invalid_credentials")
    assert wrong.get_json() == unknown.get_json()
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


def test_past_the_limit_a_right_password_is_refused_too_and_when_to_come_back_is_said(
    visitor: Visitor,
) -> None:
    fail(visitor, LIMIT)
    refused = visitor.log_in()
    assert error(refused) == (429, "too_many_attempts")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert details(refused) == {"retryAfterSeconds": int(refused.headers["Retry-After"])}


def test_the_limit_is_of_one_account(visitor: Visitor) -> None:
    good(visitor.register(email="bob@example.com"), 201)
    fail(visitor, LIMIT)
    assert is_refused(visitor)
    good(visitor.log_in("bob@example.com"))


def test_the_limit_is_of_one_address(visitor: Visitor, elsewhere: Visitor) -> None:
    fail(visitor, LIMIT)
    assert is_refused(visitor)
    good(elsewhere.log_in())


def test_an_account_that_does_not_exist_is_limited_alike(visitor: Visitor) -> None:
    fail(visitor, LIMIT, "nobody@example.com")
    assert is_refused(visitor, "nobody@example.com")


def test_the_case_of_the_address_opens_no_second_door(visitor: Visitor) -> None:
    fail(visitor, LIMIT - 1)
    fail(visitor, 1, "ALICE@Example.com")
    assert is_refused(visitor, "Alice@example.com")


def test_successful_logins_do_not_count(visitor: Visitor) -> None:
    for _ in range(LIMIT + 2):
        good(visitor.log_in())
    fail(visitor, LIMIT)
    assert is_refused(visitor)


def test_a_successful_login_takes_back_only_itself(visitor: Visitor) -> None:
    fail(visitor, LIMIT - 1)
    good(visitor.log_in())
    fail(visitor, 1)
    assert is_refused(visitor)


def test_parallel_tries_do_not_slip_through(visitor: Visitor) -> None:
    answers = at_once(*[lambda: visitor.log_in(password="wrong")] * 8)
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [401] * LIMIT + [429] * (8 - LIMIT)
    assert is_refused(visitor)


def test_after_a_minute_the_count_begins_anew(app: Flask, visitor: Visitor) -> None:
    fail(visitor, LIMIT)
    assert is_refused(visitor)
    with app.app_context(), transaction() as session:
        session.execute(update(LoginAttempts).values(window_start=LoginAttempts.window_start - 60))
    fail(visitor, LIMIT)
    assert is_refused(visitor)


WRONG_SHAPES = [
    {"email": "alice@example.com"},
    {"password": PASSWORD},
    {"email": None, "password": PASSWORD},
    {"email": "alice@example.com", "password": ["x"]},
    {"email": "a\0b", "password": PASSWORD},
    {"email": "x" * 255, "password": PASSWORD},
    {"email": "alice@example.com", "password": "x" * 1025},
    {"email": "alice@example.com", "password": PASSWORD, "role": "admin"},
    [],
    "text",
]


def test_a_login_of_the_wrong_shape_is_refused_and_the_password_not_repeated(
    visitor: Visitor,
) -> None:
    for body in WRONG_SHAPES:
        answer = visitor.call("POST", "/api/auth/login", json=body)
        assert error(answer) == (422, "validation_error"), body
        assert PASSWORD not in answer.text


def test_a_login_with_a_strange_address_is_just_wrong(visitor: Visitor) -> None:
    for email in ("", "x", "' OR 1=1 --", "\u0130" * 254, "\u2028", "%"):
        fail(visitor, 1, email)


@pytest.mark.parametrize("limit", [0])
def test_without_a_limit_nobody_is_refused(visitor: Visitor, limit: int) -> None:
    fail(visitor, LIMIT + 1)
    good(visitor.log_in())

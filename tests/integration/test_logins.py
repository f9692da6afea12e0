"""/api/auth/login: the password, and the limits of tries by address and account."""

import threading

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import LoginAttempts, User
from app.accounts.slowing import SEATS, Slowing
from app.config import Settings
from app.db import db, transaction
from tests.harness.application.market import details, error, good
from tests.harness.faults.races import at_once
from tests.harness.people.visitor import PASSWORD, Visitor
from tests.harness.waiting import wait_until

LIMIT = 3


@pytest.fixture
def limit() -> int:
    return LIMIT


@pytest.fixture
def slowed() -> float:
    return 0.0  # seconds; none that is past the limit is checked


@pytest.fixture
def settings(settings: Settings, limit: int, slowed: float) -> Settings:
    changes = {
        "LOGIN_ATTEMPTS_PER_MINUTE": limit,
        "LOGIN_ATTEMPTS_PER_ADDRESS_PER_MINUTE": 2 * limit,
        "REGISTRATIONS_PER_ADDRESS_PER_MINUTE": limit,
        "LOGIN_SLOWED_SECONDS": slowed,
    }
    return Settings.of(**{**settings.model_dump(), **changes})


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


def test_past_the_limit_a_guess_is_refused_and_when_to_come_back_is_said(
    visitor: Visitor,
) -> None:
    fail(visitor, LIMIT)
    refused = visitor.log_in(password="wrong")
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


SLOWED = pytest.mark.parametrize("slowed", [0.2])


@SLOWED
def test_the_owner_gets_in_past_the_limit_and_a_guess_does_not(
    visitor: Visitor, slowed: float
) -> None:
    fail(visitor, LIMIT)
    for _ in range(2):
        refused = visitor.log_in(password="wrong")
        assert error(refused) == (429, "too_many_attempts")
        assert refused.headers["Retry-After"] == "1"
    good(visitor.log_in())
    assert is_refused(visitor, word="wrong")


@SLOWED
def test_the_owner_gets_in_beside_an_attacker_at_the_same_address(
    visitor: Visitor, slowed: float
) -> None:
    over = threading.Event()
    guesses: list[tuple[int, str]] = []

    def guess() -> None:
        while not over.is_set():
            guesses.append(error(visitor.log_in(password="wrong")))

    fail(visitor, LIMIT)
    attackers = [threading.Thread(target=guess) for _ in range(3)]
    for attacker in attackers:
        attacker.start()
    try:
        wait_until(lambda: visitor.log_in().status_code == 200, "the owner is in")
    finally:
        over.set()
        for attacker in attackers:
            attacker.join()
    assert set(guesses) == {(429, "too_many_attempts")}


@SLOWED
def test_past_the_limit_one_of_many_tries_at_once_is_checked(app: Flask, slowed: float) -> None:
    slowing = Slowing(slowed)
    drawn = at_once(*[lambda: slowing.turn(("192.0.2.1", "alice@example.com"))] * (SEATS + 5))
    assert drawn.count(True) == 1
    assert slowing.turn(("192.0.2.1", "alice@example.com"))


def test_an_address_is_limited_over_all_accounts(visitor: Visitor, elsewhere: Visitor) -> None:
    for number in range(2 * LIMIT):
        fail(visitor, 1, f"guess{number}@example.com")
    assert is_refused(visitor, "another@example.com", "wrong")
    assert is_refused(visitor)
    good(elsewhere.log_in())


@SLOWED
def test_past_the_limit_of_an_address_too_the_owner_gets_in(
    visitor: Visitor, slowed: float
) -> None:
    for number in range(2 * LIMIT):
        fail(visitor, 1, f"guess{number}@example.com")
    assert is_refused(visitor, "another@example.com", "wrong")
    good(visitor.log_in())


def test_a_network_of_ipv6_and_a_mapped_address_count_as_one(app: Flask, visitor: Visitor) -> None:
    for addresses in (
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::7", "2001:db8:1:2::9%eth0", "2001:DB8:1:2::a"),
        ("192.0.2.77", "::ffff:192.0.2.77", "::ffff:c000:24d", "192.0.2.77"),
    ):
        for address in addresses[:LIMIT]:
            fail(Visitor(app, address), 1)
        assert is_refused(Visitor(app, addresses[-1]), word="wrong")
    fail(Visitor(app, "2001:db8:1:3::1"), 1)


def test_registrations_are_limited_by_address_before_they_cost_anything(
    app: Flask, visitor: Visitor, elsewhere: Visitor
) -> None:
    for _ in range(LIMIT - 1):  # alice's own was the first
        assert error(visitor.register()) == (409, "email_taken")
    refused = visitor.register(email="erin@example.com")
    assert error(refused) == (429, "too_many_attempts")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    good(elsewhere.register(email="erin@example.com"), 201)


@pytest.mark.parametrize("limit", [0])
def test_without_limits_no_row_is_kept(app: Flask, visitor: Visitor, limit: int) -> None:
    fail(visitor, LIMIT)
    with app.app_context():
        assert db.session.scalars(select(LoginAttempts)).all() == []
        db.session.rollback()


def test_a_password_is_the_same_however_its_letters_are_composed(
    app: Flask, visitor: Visitor
) -> None:
    composed, decomposed, ligature = "caf\u00e9 \ufb01ve", "cafe\u0301 five", "caf\u00e9 five"
    good(visitor.register(email="erin@example.com", password=composed), 201)
    for password in (composed, decomposed, ligature):
        good(visitor.log_in("erin@example.com", password))
    fail(visitor, 1, "erin@example.com")


def test_a_hash_of_the_password_as_it_was_typed_still_fits_and_is_made_anew(
    app: Flask, visitor: Visitor
) -> None:
    typed = "cafe\u0301 number \u2460"
    with app.app_context(), transaction() as session:
        session.execute(update(User).values(password_hash=PasswordHasher().hash(typed)))
    good(visitor.log_in(password=typed))
    good(visitor.log_in(password="caf\u00e9 number 1"))
    good(visitor.log_in(password=typed))


def test_a_hash_of_another_size_fits_and_is_made_anew(app: Flask, visitor: Visitor) -> None:
    usual = PasswordHasher()
    with app.app_context(), transaction() as session:
        session.execute(update(User).values(password_hash=usual.hash("long enough")))
    good(visitor.log_in(password="long enough"))
    with app.app_context():
        for stored in db.session.scalars(select(User.password_hash)):
            assert f"$m={app.config['SETTINGS'].PASSWORD_HASH_KIB}," in stored

"""/api/auth/register and /me: accounts."""

import logging

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import User
from app.accounts.passwords import hash_password
from app.db import db, transaction
from app.logs import JsonFormatter
from tests.harness.application.market import details, error, good
from tests.harness.faults.races import at_once
from tests.harness.people.visitor import ALICE, PASSWORD, Visitor


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


def users(app: Flask) -> list[User]:
    with app.app_context():
        return list(db.session.scalars(select(User).order_by(User.id)))


def test_somebody_new_gets_an_account_and_can_ask_who_they_are(visitor: Visitor) -> None:
    user = good(visitor.register(), 201)
    assert user == {
        "id": "1",
        "email": "alice@example.com",
        "name": "Alice",
        "role": "customer",
        "createdAt": user["createdAt"],
    }
    assert user["createdAt"].endswith("Z")
    assert good(visitor.me(visitor.pair()["accessToken"])) == user


def test_a_seller_can_register_and_an_admin_cannot(visitor: Visitor) -> None:
    assert good(visitor.register(role="seller"), 201)["role"] == "seller"
    assert error(visitor.register(email="root@example.com", role="admin")) == (
        422,
        "validation_error",
    )


def test_the_case_of_an_email_address_does_not_matter(visitor: Visitor) -> None:
    assert good(visitor.register(email="Alice@Example.COM"), 201)["email"] == "alice@example.com"
    assert error(visitor.register(email="aLICE@example.com")) == (409, "email_taken")
    for email in ("alice@example.com", "ALICE@EXAMPLE.COM"):
        assert good(visitor.log_in(email))["user"]["email"] == "alice@example.com"


def test_of_many_who_want_the_same_address_at_once_one_gets_it(
    app: Flask, visitor: Visitor
) -> None:
    tries = [lambda n=n: visitor.register(name=f"Alice {n}") for n in range(6)]
    answers = at_once(*tries)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert {error(answer) for answer in answers if answer.status_code != 201} == {
        (409, "email_taken")
    }
    assert len(users(app)) == 1


def test_a_repeat_with_the_same_idempotency_key_gets_the_first_answer(visitor: Visitor) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (
        visitor.call("POST", "/api/auth/register", json=ALICE, headers=headers) for _ in range(2)
    )
    assert good(first, 201) == good(again, 201)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


WRONG = [
    ("email", "nobody"),
    ("email", "@example.com"),
    ("email", "alice@"),
    ("email", "al ice@example.com"),
    ("email", "alice@example.com\n"),
    ("email", "a\0@example.com"),
    ("email", "a" * 250 + "@example.com"),
    ("email", "\u0130" * 200 + "@example.com"),  # grows when it is made lower case
    ("email", 5),
    ("password", "1234567"),
    ("password", "x" * 1025),
    ("password", "with\0nul...."),
    ("password", 12345678),
    ("name", ""),
    ("name", "   "),
    ("name", "two\nlines"),
    ("name", "x" * 101),
    ("name", None),
    ("role", "owner"),
    ("role", None),
    ("isAdmin", True),
]


def test_a_wrong_value_is_named_and_never_repeated(app: Flask, visitor: Visitor) -> None:
    for field, value in WRONG:
        answer = visitor.register(**{field: value})
        assert error(answer) == (422, "validation_error"), (field, value)
        assert [complaint["path"] for complaint in details(answer)] == [field]
        assert field != "password" or str(value) not in answer.text
    assert users(app) == []


def test_an_unusual_address_works_like_any_other(visitor: Visitor) -> None:
    for email in ("a" * 242 + "@example.com", "\u0130@example.com", "żółw+tag@exämple.com"):
        assert good(visitor.register(email=email), 201)["email"] == email.lower()
        assert good(visitor.log_in(email))["user"]["email"] == email.lower()


def test_an_address_is_the_same_however_its_letters_are_composed(
    app: Flask, visitor: Visitor
) -> None:
    composed, apart = "zo\u00eb@ex\u00e4mple.com", "ZOE\u0308@exa\u0308mple.com"
    assert good(visitor.register(email=apart), 201)["email"] == composed
    assert error(visitor.register(email=composed)) == (409, "email_taken")
    for email in (composed, apart):
        assert good(visitor.log_in(email))["user"]["email"] == composed
    # Of two accounts of before with one address each is found by its own form.
    with app.app_context(), transaction() as session:
        kept = User(name="Zo\u00eb", role="customer", password_hash=hash_password("another-word"))
        kept.email = apart.lower()
        session.add(kept)
    assert good(visitor.log_in(apart, "another-word"))["user"]["email"] == apart.lower()
    assert good(visitor.log_in(composed))["user"]["email"] == composed


def test_a_password_may_hold_any_characters(visitor: Visitor) -> None:
    password = " pässwörd 😀 \n\t" + "x" * 1000
    good(visitor.register(password=password), 201)
    good(visitor.log_in(password=password))
    assert error(visitor.log_in(password=password.strip())) == (401, "invalid_credentials")


def test_passwords_are_argon2id_in_the_table_and_nowhere_else(
    app: Flask, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        visitor.register(),
        visitor.log_in(),
        visitor.log_in(password=PASSWORD + "!"),
        visitor.register(),
        visitor.register(password=PASSWORD * 100),
    ]
    answers.append(visitor.me(good(answers[1])["accessToken"]))

    (user,) = users(app)
    assert user.password_hash.startswith("$argon2id$")
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert any("/api/auth/login" in line for line in lines)
    for text in (user.password_hash, *(answer.text for answer in answers)):
        assert PASSWORD not in text
    for line in lines:
        assert PASSWORD not in line
        assert good(answers[1])["refreshToken"] not in line
    assert not any("argon2" in answer.text for answer in answers)


def test_two_equal_passwords_have_different_hashes(app: Flask, visitor: Visitor) -> None:
    good(visitor.register(), 201)
    good(visitor.register(email="bob@example.com"), 201)
    one, other = users(app)
    assert one.password_hash != other.password_hash

"""`flask users add`: the same rules as over HTTP, in the same words."""

import pytest
from flask import Flask

from tests.harness.application.market import details, error, good
from tests.harness.people.visitor import Visitor

GOOD = {"email": "erin@example.com", "password": "a long enough one", "name": "Erin"}
WRONG = [
    ("email", "nonsense"),
    ("email", "a b@example.com"),
    ("email", "@example.com"),
    ("email", "erin@"),
    ("email", "erin@shop@example.com"),
    ("email", "erin@example..com"),
    ("email", "erin@.com"),
    ("email", "erin@-example.com"),
    ("email", "erin@example.com."),
    ("email", "<erin@example.com>"),
    ("email", "mailto:erin@example.com"),
    ("email", "erin@example.com,bob@example.com"),
    ("password", "short"),
    ("password", "password"),
    ("password", "erin@example.com"),
    ("password", "ordercast-demo"),
    ("password", "x" * 1025),
    ("name", "two\nlines"),
    ("name", "\u200d"),
]


def add(app: Flask, **changes: str) -> tuple[int, str]:
    """-> the exit code and what was said."""
    options = [f"--{name}={value}" for name, value in {**GOOD, **changes}.items()]
    done = app.test_cli_runner().invoke(args=["users", "add", "--role=seller", *options])
    return done.exit_code, done.output


@pytest.mark.parametrize(("field", "value"), WRONG, ids=ascii)
def test_what_http_refuses_the_command_refuses_in_the_same_words(
    app: Flask, field: str, value: str
) -> None:
    code, said = add(app, **{field: value})
    assert code == 1
    answer = Visitor(app).register(**{**GOOD, field: value})
    assert error(answer) == (422, "validation_error")
    [item] = details(answer)
    assert item["path"] == field
    assert said == f"validation_error: {field}: {item['message']}\n"
    assert len(value) < 3 or value not in item["message"]


def test_an_account_made_by_the_command_can_log_in(app: Flask) -> None:
    code, said = add(app, email="Erin@Example.com")
    assert (code, said) == (0, "1  seller  erin@example.com\n")
    good(Visitor(app).log_in("erin@example.com", GOOD["password"]))


@pytest.mark.parametrize(
    "email",
    [
        "erin@localhost",
        "erin.o'hara+tag@mail.example.com",
        "e_r-i&n@xn--bcher-kva.example",
        "jürgen@bücher.example",
        "राम@मोहन.ईन्फो",
        "1@123.example",
        "!#$%&'*+/=?^_`{|}~-@a-b.example",
    ],
)
def test_an_address_of_any_script_and_any_sign_is_one(app: Flask, email: str) -> None:
    assert add(app, email=email)[0] == 0
    good(Visitor(app).log_in(email, GOOD["password"]))


def test_without_a_password_a_good_one_is_made(app: Flask) -> None:
    done = app.test_cli_runner().invoke(
        args=["users", "add", "--email=erin@example.com", "--name=Erin", "--role=admin"]
    )
    password = done.output.split()[-1]
    good(Visitor(app).log_in("erin@example.com", password))

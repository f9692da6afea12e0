"""The demo's accounts, whose password everybody knows, and where they may be."""

from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app import demo
from app.accounts.models import User
from app.accounts.tokens import Identity
from app.db import db
from app.doctor.accounts import examinations
from ordercast import Doubtful, Unhealthy
from tests.harness.application.market import good
from tests.harness.people.visitor import Visitor

REAL = "zoe@example.com"


def demo_data(app: Flask, *options: str) -> Result:
    return app.test_cli_runner().invoke(args=["demo-data", *options])


def emails() -> list[str]:
    found = list(db.session.scalars(select(User.email).order_by(User.id)))
    db.session.rollback()
    return found


def ask_doctor(app: Flask) -> str:
    try:
        demo_accounts, _ = examinations(app.config["SETTINGS"])
        return demo_accounts.ask()
    finally:
        db.session.rollback()


def test_an_empty_database_gets_the_demo_and_its_people_can_log_in(app: Flask) -> None:
    assert ask_doctor(app) == "none"
    for _ in range(2):
        done = demo_data(app)
        assert done.exit_code == 0, done.output
        assert f"admin@example.com       {demo.PASSWORD}" in done.output
    assert len(emails()) == len(demo.PEOPLE)
    good(Visitor(app).log_in("alice@example.com", demo.PASSWORD))


def test_beside_real_people_no_demo_account_is_made(
    app: Flask, make_user: Callable[..., Identity]
) -> None:
    make_user("Zoe")
    done = demo_data(app)
    assert done.exit_code == 1
    assert done.output.startswith("demo_refused: The database holds accounts")
    assert emails() == [REAL]


def test_the_doctor_fails_where_a_demo_account_is_open_beside_real_people(
    app: Flask, make_user: Callable[..., Identity]
) -> None:
    make_user("Zoe")
    assert demo_data(app, "--yes").exit_code == 0
    with pytest.raises(Unhealthy, match=r"admin@example\.com") as caught:
        ask_doctor(app)
    assert caught.value.level == "fail"


def test_people_who_came_later_keep_nobody_from_the_demo(
    app: Flask, make_user: Callable[..., Identity]
) -> None:
    demo_data(app)
    make_user("Zoe")
    assert demo_data(app).exit_code == 0


def test_the_doctor_warns_of_a_demo_of_its_own_and_fails_on_a_server(app: Flask) -> None:
    demo_data(app)
    with pytest.raises(Unhealthy, match="everybody knows the password of alice@") as caught:
        ask_doctor(app)
    assert isinstance(caught.value, Doubtful) == (db.engine.dialect.name == "sqlite")

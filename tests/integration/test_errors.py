"""Errors on HTTP: one envelope for all of them, each with its status."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask, Response, abort
from flask_jwt_extended import jwt_required
from sqlalchemy.engine import make_url

from app import create_app
from app.accounts import tokens
from app.accounts.models import Role
from app.config import Settings
from app.db import db
from app.http import MAX_BODY_BYTES
from app.logs import JsonFormatter
from tests.harness.application.market import details, error, good
from tests.harness.people.keys import claims, hs256
from tests.harness.people.visitor import ALICE, Visitor
from tests.harness.servers.postgres import Postgres

LOGIN = "/api/auth/login"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def build(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """A builder: the application with other settings; views may be added to it."""
    built: list[Flask] = []

    def make(**changes: Any) -> Flask:
        built.append(create_app(Settings.of(**{**settings.model_dump(), **changes})))
        return built[-1]

    yield make
    for app in built:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def test_an_unknown_address_is_404(visitor: Visitor) -> None:
    for path in ("/nothing", "/api/nothing", "/api/orders/", "/api/auth", "/%00", "/%ff"):
        for method in ("GET", "POST", "DELETE"):
            assert error(visitor.call(method, path)) == (404, "not_found"), path


def test_a_wrong_method_is_405_and_says_which_are_allowed(visitor: Visitor) -> None:
    answer = visitor.call("DELETE", "/api/orders")
    assert error(answer) == (405, "method_not_allowed")
    allowed = {method.strip() for method in answer.headers["Allow"].split(",")}
    assert allowed == {"GET", "HEAD", "OPTIONS", "POST"}


def test_a_body_that_is_too_large_is_413(visitor: Visitor) -> None:
    body = b'{"email":"' + b"x" * MAX_BODY_BYTES + b'"}'
    answer = visitor.call("POST", LOGIN, data=body, content_type="application/json")
    assert error(answer) == (413, "body_too_large")


def test_a_body_that_is_not_json_by_its_type_is_415(visitor: Visitor) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = visitor.call("POST", LOGIN, data=b"{}", content_type=kind)
        assert error(answer) == (415, "unsupported_media_type"), kind


def test_json_may_have_another_name_and_a_character_set(visitor: Visitor) -> None:
    for kind in ("application/json; charset=utf-8", "application/problem+json"):
        answer = visitor.call("POST", LOGIN, data=b"{}", content_type=kind)
        assert error(answer) == (422, "validation_error"), kind


def test_malformed_json_is_400(visitor: Visitor) -> None:
    for body in (
        b"",
        b"{",
        b"nonsense",
        b'{"email": "x",}',
        b"{'email': 'x'}",
        b'{"email": "\xff"}',
        b'{"email": "\\ud800"}',
        b"[" * 100_000,
        b"{} {}",
        b"\x00",
    ):
        answer = visitor.call("POST", LOGIN, data=body, content_type="application/json")
        assert error(answer) == (400, "malformed_json"), body[:20]


def test_wrong_values_are_422_with_each_path_and_message(visitor: Visitor) -> None:
    body = {"email": 5, "password": "short", "role": "owner", "extra": 1}
    answer = visitor.call("POST", "/api/auth/register", json=body)
    assert error(answer) == (422, "validation_error")
    assert {complaint["path"] for complaint in details(answer)} == {
        "email",
        "password",
        "name",
        "role",
        "extra",
    }
    for complaint in details(answer):
        assert complaint.keys() == {"path", "message"}
        assert complaint["message"]
    assert "short" not in str(details(answer))


def test_a_wrong_value_deep_inside_is_named_by_its_path(app: Flask, visitor: Visitor) -> None:
    items = [{"productId": "1", "quantity": 1}, {"productId": "2", "quantity": 0}]
    with app.app_context():
        token = tokens.issue("access", "1", Role.CUSTOMER)
    answer = visitor.call("POST", "/api/orders", token, json={"items": items})
    assert [complaint["path"] for complaint in details(answer)] == ["items.1.quantity"]


def test_a_thousand_wrong_values_make_no_long_answer(visitor: Visitor) -> None:
    body = {f"wrong{number}": number for number in range(1000)}
    assert len(details(visitor.call("POST", LOGIN, json=body))) == 20


def test_a_wrong_query_is_422_too(visitor: Visitor) -> None:
    for query, path in (("limit=0", "limit"), ("limit=x", "limit"), ("status=lost", "status.0")):
        answer = visitor.call("GET", f"/api/orders?{query}", hs256(claims()))
        assert error(answer) == (422, "validation_error"), query
        assert [complaint["path"] for complaint in details(answer)] == [path]


def test_an_unexpected_exception_is_500_without_its_text_and_logged_with_its_traceback(
    build: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    app = build()

    @app.get("/api/broken")
    def broken() -> str:
        raise LookupError("the password is hunter2")

    answer = Visitor(app).call("GET", "/api/broken")

    assert error(answer) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert "LookupError" not in answer.text
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    line = JsonFormatter().format(record)
    assert "Traceback" in line
    assert "in broken" in line
    assert "hunter2" in line
    good(Visitor(app).call("GET", "/healthz"))


def test_a_view_of_the_team_that_aborts_speaks_the_same_envelope(
    build: Callable[..., Flask],
) -> None:
    app = build()

    @app.get("/api/teapot")
    def teapot() -> str:
        abort(418)

    @app.get("/api/own-answer")
    def own_answer() -> str:
        abort(Response("later", 202))

    assert error(Visitor(app).call("GET", "/api/teapot")) == (418, "bad_request")
    own = Visitor(app).call("GET", "/api/own-answer")
    assert (own.status_code, own.text) == (202, "later")


def test_a_view_of_the_team_under_jwt_required_answers_in_the_same_words(
    build: Callable[..., Flask],
) -> None:
    app = build()

    @app.get("/api/team")
    @jwt_required()
    def team() -> dict[str, str]:
        return {"hello": "team"}

    visitor = Visitor(app)
    good(visitor.register(), 201)
    pair = visitor.pair()
    access = pair["accessToken"]
    assert good(visitor.call("GET", "/api/team", access)) == {"hello": "team"}
    assert error(visitor.call("GET", "/api/team")) == (401, "authentication_required")
    assert error(visitor.call("GET", "/api/team", "x.y.z")) == (401, "token_invalid")
    expired = hs256(claims(exp=1))
    assert error(visitor.call("GET", "/api/team", expired)) == (401, "token_expired")
    assert error(visitor.call("GET", "/api/team", pair["refreshToken"])) == (401, "token_invalid")
    another = hs256(claims(aud="another"))
    assert error(visitor.call("GET", "/api/team", another)) == (401, "token_invalid")
    good(visitor.call("GET", "/api/team", hs256(claims(role="owner"))))
    visitor.log_out(access)
    assert error(visitor.call("GET", "/api/team", access)) == (401, "token_revoked")


def test_a_database_that_is_unavailable_from_the_start_is_503(
    build: Callable[..., Flask], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for url in (
        f"sqlite:///{tmp_path}/nowhere/orders.db",
        f"postgresql://me:hunter2@/orders?host={tmp_path}",
    ):
        visitor = Visitor(build(DATABASE_URL=url))
        for answer in (
            visitor.log_in(),
            visitor.register(),
            visitor.call("GET", "/api/orders", hs256(claims())),
        ):
            assert error(answer) == (503, "database_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            assert "hunter2" not in answer.text
    assert "hunter2" not in caplog.text


def test_a_database_that_becomes_unavailable_is_503_until_it_is_back(
    request: pytest.FixtureRequest, postgres_url: str, build: Callable[..., Flask]
) -> None:
    server, _ = request.getfixturevalue("postgres")
    visitor = Visitor(build(DATABASE_URL=postgres_url))
    good(visitor.register(), 201)
    access = visitor.pair()["accessToken"]
    with doors_closed(server, postgres_url):
        assert error(visitor.me(access)) == (503, "database_unavailable")
        assert error(visitor.log_in()) == (503, "database_unavailable")
        assert error(visitor.call("GET", "/nothing")) == (404, "not_found")
    assert good(visitor.me(access))["email"] == ALICE["email"]


@contextmanager
def doors_closed(server: Postgres, url: str) -> Iterator[None]:
    """Meanwhile the database throws everybody out and lets nobody in."""
    name = make_url(url).database
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())

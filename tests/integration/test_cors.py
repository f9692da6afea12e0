"""CORS on the API: the listed origins with credentials, and nobody else."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.config import Settings
from tests.harness.people.visitor import Visitor

SHOP = "https://shop.example.com"
LOCAL = "http://[::1]:5173"
PREFIX = "Access-Control-"


@pytest.fixture
def origins() -> tuple[str, ...]:
    return (SHOP, LOCAL)


@pytest.fixture
def settings(settings: Settings, origins: tuple[str, ...]) -> Settings:
    return Settings.of(**{**settings.model_dump(), "CORS_ORIGINS": origins})


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


def cors(answer: TestResponse) -> dict[str, str]:
    """The CORS headers of an answer, without their common prefix; each may be there once."""
    found = [(name, value) for name, value in answer.headers if name.startswith(PREFIX)]
    assert len(dict(found)) == len(found), found
    return {name.removeprefix(PREFIX): value for name, value in found}


def words(header: str) -> set[str]:
    return {word.strip() for word in header.split(",")}


def from_origin(visitor: Visitor, origin: str | None, path: str = "/api/auth/me") -> TestResponse:
    headers = {} if origin is None else {"Origin": origin}
    return visitor.call("GET", path, headers=headers)


def preflight(visitor: Visitor, origin: str, **changes: Any) -> TestResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
        **changes,
    }
    return visitor.call("OPTIONS", "/api/orders/1/status", headers=headers)


@pytest.mark.parametrize("origin", [SHOP, LOCAL])
def test_a_listed_origin_may_read_the_answer_with_credentials_even_an_error(
    visitor: Visitor, origin: str
) -> None:
    answer = from_origin(visitor, origin)
    assert answer.status_code == 401
    headers = cors(answer)
    assert words(headers.pop("Expose-Headers")) == {
        "X-Event-Offset",
        "Idempotency-Replayed",
        "Retry-After",
    }
    assert headers == {"Allow-Origin": origin, "Allow-Credentials": "true"}


@pytest.mark.parametrize("origin", [SHOP, LOCAL])
def test_a_preflight_of_a_listed_origin_is_answered(visitor: Visitor, origin: str) -> None:
    answer = preflight(visitor, origin)
    assert answer.status_code == 200
    headers = cors(answer)
    assert headers["Allow-Origin"] == origin
    assert headers["Allow-Credentials"] == "true"
    assert words(headers["Allow-Methods"]) >= {"GET", "POST", "PATCH"}
    assert {word.lower() for word in words(headers["Allow-Headers"])} == {
        "authorization",
        "content-type",
        "idempotency-key",
    }
    assert int(headers["Max-Age"]) > 0


def test_a_header_that_the_api_does_not_know_is_not_allowed(visitor: Visitor) -> None:
    asked = {"Access-Control-Request-Headers": "authorization, x-other"}
    assert "x-other" not in cors(preflight(visitor, SHOP, **asked))["Allow-Headers"].lower()


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "http://shop.example.com",
        "https://shop.example.com:8443",
        "https://shop.example.com.evil.com",
        "https://shopxexample.com",
        "https://evil.com/https://shop.example.com",
        "http://::5173",
        "null",
        "*",
    ],
)
def test_an_origin_that_is_not_listed_gets_no_cors_headers(visitor: Visitor, origin: str) -> None:
    assert cors(from_origin(visitor, origin)) == {}
    assert cors(preflight(visitor, origin)) == {}


def test_a_call_without_an_origin_gets_no_cors_headers(visitor: Visitor) -> None:
    assert cors(from_origin(visitor, None)) == {}


@pytest.mark.parametrize("origin", [SHOP, "https://evil.example.com", None])
def test_a_cache_is_told_that_the_answer_depends_on_the_origin(
    visitor: Visitor, origin: str | None
) -> None:
    answer = from_origin(visitor, origin)
    assert [value for name, value in answer.headers if name == "Vary"] == ["Origin"]


def test_what_is_outside_of_the_api_has_no_cors_headers(visitor: Visitor) -> None:
    for path in ("/healthz", "/metrics", "/docs", "/nothing"):
        answer = from_origin(visitor, SHOP, path)
        assert cors(answer) == {}
        assert "Origin" not in answer.headers.get("Vary", "")


def test_an_address_that_is_not_there_tells_a_listed_origin_so(visitor: Visitor) -> None:
    answer = from_origin(visitor, SHOP, "/api/nothing")
    assert answer.status_code == 404
    assert cors(answer)["Allow-Origin"] == SHOP


@pytest.mark.parametrize("origins", [()])
def test_without_a_list_there_are_no_cors_headers(
    visitor: Visitor, origins: tuple[str, ...]
) -> None:
    assert cors(from_origin(visitor, SHOP)) == {}
    assert cors(preflight(visitor, SHOP)) == {}
    assert "Vary" not in from_origin(visitor, SHOP).headers

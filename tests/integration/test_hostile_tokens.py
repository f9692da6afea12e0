"""Tokens that want to break something: deep, strange and random ones are 401, never 500."""

import json
from collections.abc import Callable

import orjson
import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as run_with
from hypothesis import strategies as some

from tests.harness.people.keys import claims, hs256, part, signed
from tests.harness.people.visitor import Visitor

HS256 = b'{"alg":"HS256","typ":"JWT"}'
CLAIMS = ["sub", "role", "type", "exp", "iat", "nbf", "jti", "session"]
MANY = run_with(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(max_size=5), inner),
    max_leaves=10,
)


@pytest.fixture
def is_good(app: Flask) -> Callable[[str], bool]:
    return Visitor(app).is_let_in


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_deeply_nested_header_or_payload_is_refused(
    is_good: Callable[[str], bool], opening: bytes, closing: bytes
) -> None:
    for depth in (100, 900, 5000):
        deep = opening * depth + b"1" + closing * depth
        good_payload = orjson.dumps(claims())
        assert not is_good(signed(deep, good_payload))
        assert not is_good(signed(b'{"alg":"HS256","x":' + deep + b"}", b"{}"))
        assert not is_good(signed(HS256, deep))
        assert not is_good(signed(HS256, good_payload[:-1] + b',"sub":' + deep + b"}"))
        assert not is_good(f"{part(deep)}.{part(deep)}.x")


def test_a_huge_token_is_refused(is_good: Callable[[str], bool]) -> None:
    assert not is_good(hs256(claims(extra="x" * 100_000)))


def test_strange_header_fields_are_refused(is_good: Callable[[str], bool]) -> None:
    for header in (
        b"[]",
        b"1",
        b"null",
        b'""',
        b"{}",
        b"\xff",
        b'{"alg":null}',
        b'{"alg":["HS256"]}',
        b'{"alg":{"HS256":1}}',
        b'{"alg":"HS256","crit":["exp"]}',
        b'{"alg":"HS256","b64":false}',
        b'{"alg":"HS256","kid":[]}',
    ):
        assert not is_good(signed(header, orjson.dumps(claims()))), header


@MANY
@given(text=some.text(alphabet=some.characters(codec="latin-1", exclude_characters="\r\n")))
def test_random_text_is_refused(is_good: Callable[[str], bool], text: str) -> None:
    assert not is_good(text)


@MANY
@given(parts=some.lists(some.binary(max_size=60), min_size=3, max_size=3))
def test_random_parts_are_refused(is_good: Callable[[str], bool], parts: list[bytes]) -> None:
    assert not is_good(".".join(map(part, parts)))


@MANY
@given(payload=JSON)
def test_a_random_payload_with_a_good_signature_is_refused(
    is_good: Callable[[str], bool], payload: object
) -> None:
    assert not is_good(signed(HS256, dumps(payload)))


@MANY
@given(name=some.sampled_from(CLAIMS), value=JSON)
def test_a_random_claim_with_a_good_signature_does_no_harm(
    is_good: Callable[[str], bool], name: str, value: object
) -> None:
    is_good(signed(HS256, dumps({**claims(), name: value})))


@MANY
@given(header=JSON)
def test_a_random_header_does_no_harm(is_good: Callable[[str], bool], header: object) -> None:
    fields = header if isinstance(header, dict) else {"kid": header}
    is_good(signed(dumps({"alg": "HS256", **fields}), dumps(claims())))


def dumps(value: object) -> bytes:
    """As another language's library would: numbers of any size, half characters."""
    return json.dumps(value).encode()

"""Lists and documents are compressed as the client accepts; answers with tokens are not."""

import gzip
from collections.abc import Callable

import brotli
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.accounts.tokens import Identity
from app.http.compression import LEAST_BYTES
from tests.harness.application.market import Market

DECODERS: dict[str | None, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    None: bytes,
}


def products(market: Market, accepted: str) -> TestResponse:
    return market.bob.call("GET", "/api/products", headers={"Accept-Encoding": accepted})


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


@pytest.fixture
def many(market: Market) -> Market:
    for number in range(20):
        market.product(name=f"Tea {number}")
    return market


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=0.1, br;q=0", "gzip"),
        ("gzip;q=0", None),
        ("*", None),
        ("identity", None),
        ("", None),
    ],
)
def test_a_list_comes_as_the_client_accepts_it(
    many: Market, accepted: str, encoding: str | None
) -> None:
    plain = products(many, "identity").get_data()

    answer = products(many, accepted)

    assert answer.content_encoding == encoding
    assert DECODERS[encoding](answer.get_data()) == plain
    assert answer.content_length == len(answer.get_data())
    assert encoding is None or len(answer.get_data()) < len(plain) / 3
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_short_list_is_not_worth_it(market: Market) -> None:
    answer = market.alice.call("GET", "/api/orders", headers={"Accept-Encoding": "br"})
    assert len(answer.get_data()) < LEAST_BYTES
    assert answer.content_encoding is None


@pytest.mark.parametrize("path", ["/api/openapi.json", "/api/asyncapi.json", "/docs"])
def test_documents_are_compressed(app: Flask, path: str) -> None:
    client = app.test_client()
    plain = client.get(path).get_data()
    answer = client.get(path, headers={"Accept-Encoding": "br"})
    assert brotli.decompress(answer.get_data()) == plain


def test_answers_with_tokens_are_not_compressed(market: Market) -> None:
    answer = market.bob.call("GET", "/api/auth/me", headers={"Accept-Encoding": "br, gzip"})
    assert answer.content_encoding is None
    assert "Accept-Encoding" not in answer.headers.get("Vary", "")

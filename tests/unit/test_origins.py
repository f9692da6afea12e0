"""Origins as browsers, apps and proxies write them."""

from typing import Any

import pytest

from ordercast.origins import SCHEME_KNOWN, Origins, own, parse


def request(host: str, scheme: str = "http", **more: Any) -> dict[str, Any]:
    return {"wsgi.url_scheme": scheme, "HTTP_HOST": host, **more}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://shop", "https://shop:443"),
        ("http://shop", "http://shop:80"),
        ("https://shop", "wss://shop"),
        ("http://shop:8000", "ws://shop:8000"),
        ("https://Shop.Example.COM", "HTTPS://shop.example.com/"),
        ("http://[::1]:5173", "http://[0:0:0:0:0:0:0:1]:5173"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("https://b\u00c3\u00bccher.example", "https://xn--bcher-kva.example"),  # UTF-8 in a header
        ("capacitor://localhost", "Capacitor://LOCALHOST/"),
    ],
)
def test_two_ways_to_write_one_origin(one: str, other: str) -> None:
    assert parse(one) == parse(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://shop", "http://shop"),
        ("https://shop", "https://shop:8443"),
        ("https://shop", "https://shop:80"),
        ("https://shop", "https://shop.evil"),
        ("capacitor://localhost", "ionic://localhost"),
        ("capacitor://localhost", "capacitor://localhost:443"),
        ("http://localhost", "capacitor://localhost"),
    ],
)
def test_two_origins(one: str, other: str) -> None:
    assert parse(one) != parse(other)


@pytest.mark.parametrize("app", ["capacitor://localhost", "ionic://localhost", "app://", "app://."])
def test_the_pages_of_an_app_have_an_origin(app: str) -> None:
    assert str(parse(app)) == app
    assert Origins([app])(app, request("shop"))
    assert not Origins([])(app, request("shop"))


@pytest.mark.parametrize(
    "text",
    ["", "null", "shop", "//shop", "file://", "data://x", "https://", "https://a@b", "https://a/b",
     "https://a:", "https://a:0", "https://a:65536", "https://[::1", "https://[1.2.3.4]",
     "https://stra\u00dfe.example", "https://a b", "1a://b", "https://a\\b"],
)  # fmt: skip
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match="an origin is"):
        parse(text)
    assert not Origins(["https://shop"])(text, request("shop"))


@pytest.mark.parametrize(
    ("host", "page"),
    [
        ("shop", "http://shop"),
        ("shop", "https://shop"),  # a proxy ended TLS and says only Host
        ("shop:443", "https://shop"),
        ("shop:80", "https://shop"),
        ("shop:443", "wss://shop"),
        ("SHOP", "https://shop:443"),
        ("shop:8443", "https://shop:8443"),
        ("shop:8443", "wss://shop:8443"),
        ("shop:", "http://shop"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_page_of_the_service_itself(host: str, page: str) -> None:
    assert Origins([])(page, request(host))


@pytest.mark.parametrize(
    ("host", "page"),
    [
        ("shop", "https://shop:8443"),
        ("shop:8000", "http://shop"),
        ("shop:8000", "http://shop:8001"),
        ("shop", "https://evil"),
        ("shop", "https://shop.evil"),
        ("shop", "null"),
        ("", "http://"),
        ("a b", "http://a"),
        ("shop,evil", "http://evil"),
    ],
)
def test_a_page_of_somebody_else(host: str, page: str) -> None:
    assert not Origins([])(page, request(host))


@pytest.mark.parametrize("host", ["shop", "shop:443", "shop:80"])
def test_where_a_trusted_proxy_names_the_scheme_only_that_is_the_services_own(host: str) -> None:
    known = request(host, "https", **{SCHEME_KNOWN: True})
    assert Origins([])("https://shop", known)
    assert not Origins([])("http://shop", known)


def test_what_is_expected_is_what_would_be_let_in() -> None:
    origins = Origins(["https://admin.example:443"])
    expected = origins.expected(request("shop:443"))
    assert expected == ["http://shop", "https://admin.example", "https://shop"]
    assert all(origins(page, request("shop:443")) for page in expected)
    assert own(request("")) == ()

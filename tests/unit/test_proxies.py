"""Whose request it is, behind proxies."""

from typing import Any

import pytest
from flask import Flask, request

from ordercast.origins import SCHEME_KNOWN
from ordercast.proxies import TrustedProxies, stand_in_front
from tests.harness.application.settings import complaint, setting

PEER, CLIENT, OTHER = "10.0.0.9", "203.0.113.7", "198.51.100.4"
TRUSTED = ("10.0.0.0/8", "fd00::/8", "192.0.2.1")


def seen(peer: str | None, *trusted: str, **fields: str) -> dict[str, Any]:
    """The environ as the application gets it."""
    got: dict[str, Any] = {}
    environ: dict[str, Any] = {"wsgi.url_scheme": "http", "HTTP_HOST": "inner:8000"}
    if peer is not None:
        environ["REMOTE_ADDR"] = peer
    environ |= {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in fields.items()}
    application = TrustedProxies(lambda given, _: got.update(given) or [], trusted)
    application(environ, lambda *_: lambda _: None)
    return got


def address(peer: str | None, *trusted: str, chain: str) -> str | None:
    return seen(peer, *trusted, **{"for": chain}).get("REMOTE_ADDR")


@pytest.mark.parametrize("peer", [CLIENT, "::1", None, "11.0.0.1"])
def test_of_a_peer_that_is_not_trusted_nothing_counts(peer: str | None) -> None:
    lies = {"for": OTHER, "proto": "https", "host": "shop"}
    got = seen(peer, *TRUSTED, **lies)
    assert got.get("REMOTE_ADDR") == peer
    assert (got["wsgi.url_scheme"], got["HTTP_HOST"]) == ("http", "inner:8000")
    assert SCHEME_KNOWN not in got
    assert not [name for name in got if name.startswith("HTTP_X_FORWARDED")]


@pytest.mark.parametrize("peer", [PEER, "::ffff:10.0.0.9", "fd00::1", "192.0.2.1"])
def test_a_trusted_peer_says_whose_request_it_is(peer: str) -> None:
    got = seen(peer, *TRUSTED, **{"for": CLIENT, "proto": "https", "host": "shop"})
    assert got["REMOTE_ADDR"] == CLIENT
    assert (got["wsgi.url_scheme"], got["HTTP_HOST"]) == ("https", "shop")
    assert got[SCHEME_KNOWN]


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (CLIENT, CLIENT),
        (f"{OTHER}, {CLIENT}", CLIENT),  # the client sent the first itself
        (f"{OTHER},{CLIENT} , 10.1.1.1, 10.2.2.2", CLIENT),
        (f"10.3.3.3, {CLIENT}, 10.1.1.1", CLIENT),
        ("10.3.3.3, 10.1.1.1", "10.3.3.3"),  # a client of our own network
        (f"{CLIENT}:40123", CLIENT),
        ("[2001:db8::7]:40123", "2001:db8::7"),
        ("2001:DB8::7", "2001:db8::7"),
        (f"::ffff:{CLIENT}", CLIENT),
        (f"{CLIENT}, unknown", PEER),
        (f"{CLIENT}, garbage, 10.1.1.1", "10.1.1.1"),
        ("", PEER),
        (", ,", PEER),
        ("_hidden", PEER),
        ("1.2.3.4.5", PEER),
        ("', DROP", PEER),
    ],
)
def test_the_rightmost_address_that_is_no_proxy_of_ours_is_the_client(
    chain: str, expected: str
) -> None:
    assert address(PEER, *TRUSTED, chain=chain) == expected


def test_a_peer_of_a_unix_socket_is_trusted_by_its_name() -> None:
    assert address(None, "unix:", chain=CLIENT) == CLIENT
    assert address(None, *TRUSTED, chain=CLIENT) is None
    assert address(CLIENT, "unix:", chain=OTHER) == CLIENT
    assert address(None, "unix:", chain="") is None


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("wss", "https"),
        ("https, http", "http"),  # one hop: the proxy appended to what the client sent
        ("gopher", None),
        ("", None),
    ],
)
def test_the_scheme_is_what_the_trusted_proxy_wrote(proto: str, scheme: str | None) -> None:
    got = seen(PEER, *TRUSTED, **{"for": CLIENT, "proto": proto})
    assert got["wsgi.url_scheme"] == (scheme or "http")
    assert (SCHEME_KNOWN in got) == (scheme is not None)


def test_of_several_proxies_the_outermost_knows_the_scheme_and_the_host() -> None:
    chain = f"{CLIENT}, 10.1.1.1"
    fields = {"for": chain, "proto": "http, https, http", "host": "evil, shop, inner"}
    got = seen(PEER, *TRUSTED, **fields)
    assert (got["wsgi.url_scheme"], got["HTTP_HOST"]) == ("https", "shop")


@pytest.mark.parametrize("host", ["a b", "", "shop/path", "shop:http"])
def test_a_host_that_is_none_does_not_count(host: str) -> None:
    assert seen(PEER, *TRUSTED, **{"for": CLIENT, "host": host})["HTTP_HOST"] == "inner:8000"


def test_the_setting_is_a_list_of_addresses_and_networks() -> None:
    given = " 10.0.0.0/8, 192.0.2.1,, ::1 ,unix:"
    assert setting("TRUSTED_PROXIES", given) == ("10.0.0.0/8", "192.0.2.1/32", "::1/128", "unix:")


@pytest.mark.parametrize("text", ["*", "proxy", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8;::1"])
def test_a_list_of_anything_else_is_refused(text: str) -> None:
    assert "TRUSTED_PROXIES is wrong: expected addresses, networks" in complaint(
        TRUSTED_PROXIES=text
    )


def test_what_a_team_adds_later_is_behind_the_proxies_too() -> None:
    """An outer one of two decides, and the inner one leaves it so."""
    app = Flask("app")
    seen: list[str] = []
    stand_in_front(app, TRUSTED)
    behind = app.wsgi_app

    def added(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(environ["REMOTE_ADDR"])
        return behind(environ, start_response)

    @app.get("/")
    def address() -> str:
        return f"{request.remote_addr} {request.scheme}"

    app.wsgi_app = added  # type: ignore[method-assign]
    stand_in_front(app, TRUSTED)
    stand_in_front(app, TRUSTED)
    fields = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https"}
    answer = app.test_client().get("/", headers=fields, environ_base={"REMOTE_ADDR": PEER})

    assert answer.text == f"{CLIENT} https"
    assert seen == [CLIENT]

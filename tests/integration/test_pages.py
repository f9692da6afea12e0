"""The pages at /: how built files are served, and what is there without them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from flask import Flask, abort
from werkzeug.test import TestResponse

from app.http.pages import CLIENT_ROUTES
from tests.harness.application.market import error
from tests.harness.people.visitor import Visitor

SCRIPT = b"console.log('built')"
DECODE: dict[str | None, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    None: bytes,
}
# What browsers send when a person opens an address, and what programs send.
BROWSERS = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8",
    "text/html",
)
PROGRAMS = (None, "*/*", "application/json", "application/json, text/html;q=0.5", "", "image/*")


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def site(app: Flask, tmp_path: Path) -> Path:
    """The folder of the build, with nothing in it."""
    app.config["SITE"] = tmp_path
    return tmp_path


@pytest.fixture
def built(site: Path) -> Path:
    """A build: a page, a script, and the script once more, compressed."""
    assets = site / "assets"
    assets.mkdir()
    (site / "index.html").write_text("<!doctype html><title>Built</title>")
    (assets / "index-x1.js").write_bytes(SCRIPT)
    (assets / "index-x1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "index-x1.js.br").write_bytes(brotli.compress(SCRIPT))
    return site


def test_without_a_build_the_page_says_how_to_make_one(site: Path, visitor: Visitor) -> None:
    answer = visitor.call("GET", "/")
    assert answer.status_code == 200
    assert "make site" in answer.text
    assert "<script" not in answer.text
    assert visitor.call("GET", "/assets/index-x1.js").status_code == 404


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(
    built: Path, visitor: Visitor
) -> None:
    for path in ("/", "/assets/index-x1.js"):
        headers = visitor.call("GET", path).headers
        policy = dict(one.split(" ", 1) for one in headers["Content-Security-Policy"].split("; "))
        assert policy.pop("default-src") == "'none'"
        assert set(policy.values()) == {"'self'", "'none'"}
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_a_page_is_asked_for_each_time_and_its_assets_once(built: Path, visitor: Visitor) -> None:
    page, script = (visitor.call("GET", path) for path in ("/", "/assets/index-x1.js"))
    assert page.headers["Cache-Control"] == "no-cache"
    assert page.mimetype == "text/html"
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (script.mimetype, script.data) == ("text/javascript", SCRIPT)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, br", "br"),
        ("gzip", "gzip"),
        ("gzip, br;q=0", "gzip"),
        ("gzip;q=0, br;q=0", None),
        ("identity", None),
        ("*", None),
    ],
)
def test_a_browser_gets_the_smallest_file_that_it_names(
    built: Path, app: Flask, accepted: str, encoding: str | None
) -> None:
    answer = app.test_client().get(
        "/assets/index-x1.js", headers={"Accept-Encoding": accepted}, buffered=True
    )
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.mimetype == "text/javascript"
    assert DECODE[encoding](answer.data) == SCRIPT


def test_nothing_above_the_assets_can_be_reached(built: Path, visitor: Visitor) -> None:
    for path in ("../index.html", "%2e%2e/index.html", "/etc/passwd", ".."):
        assert visitor.call("GET", f"/assets/{path}").status_code == 404


def opened(visitor: Visitor, path: str, accept: str | None, method: str = "GET") -> TestResponse:
    return visitor.call(method, path, headers={} if accept is None else {"Accept": accept})


@pytest.mark.parametrize("route", CLIENT_ROUTES)
def test_the_pages_are_at_the_addresses_that_their_script_reads(
    built: Path, visitor: Visitor, route: str
) -> None:
    path = route.replace("<order_id>", "17")
    for accept in BROWSERS:
        answer = opened(visitor, path, accept)
        assert (answer.status_code, answer.text) == (200, visitor.call("GET", "/").text)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "Accept" in answer.vary
        assert "Content-Security-Policy" in answer.headers
        assert opened(visitor, path, accept, "HEAD").status_code == 200
    for other in PROGRAMS:
        answer = opened(visitor, path, other)
        assert error(answer) == (404, "not_found"), other
        assert "Accept" in answer.vary


def test_what_is_not_there_is_a_page_for_a_person_and_json_for_a_program(
    built: Path, visitor: Visitor
) -> None:
    for path in ("/anything", "/orders/", "/orders/1/2", "/assets/none.js", "/ordersx", "/api"):
        for accept in BROWSERS:
            answer = opened(visitor, path, accept)
            assert (answer.status_code, answer.mimetype) == (404, "text/html"), path
            assert "There is no page here" in answer.text
            assert 'href="/"' in answer.text
            assert "<script" not in answer.text
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Content-Security-Policy" in answer.headers
        for other in PROGRAMS:
            assert error(opened(visitor, path, other)) == (404, "not_found"), (path, other)
        assert error(opened(visitor, path, BROWSERS[0], "POST"))[0] in (404, 405)


def test_the_api_speaks_json_also_to_a_browser(visitor: Visitor) -> None:
    for path, status in (("/api/nothing", 404), ("/api/orders", 401)):
        answer = opened(visitor, path, BROWSERS[0])
        assert (answer.status_code, answer.mimetype) == (status, "application/json")


def test_a_failure_is_a_page_for_a_person_too(app: Flask, visitor: Visitor) -> None:
    def fails() -> str:
        raise RuntimeError("a secret")

    app.add_url_rule("/fails", view_func=fails)
    app.add_url_rule("/busy", view_func=lambda: abort(503))
    failure, busy = (opened(visitor, path, BROWSERS[0]) for path in ("/fails", "/busy"))
    assert (failure.status_code, failure.mimetype) == (500, "text/html")
    assert "a secret" not in failure.text
    assert "refresh" not in failure.text
    assert (busy.status_code, busy.mimetype) == (503, "text/html")
    assert '<meta http-equiv="refresh"' in busy.text
    assert error(opened(visitor, "/fails", None)) == (500, "internal_error")
    assert error(opened(visitor, "/busy", None)) == (503, "internal_error")


def test_only_the_page_of_a_demo_says_that_it_is_one(
    built: Path, app: Flask, visitor: Visitor
) -> None:
    (built / "index.html").write_text('<!doctype html><html lang="en"><title>Built</title>')
    assert "data-demo" not in visitor.call("GET", "/").text
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"DEMO": True})
    answer = visitor.call("GET", "/")
    assert '<html data-demo lang="en">' in answer.text
    assert answer.headers["Cache-Control"] == "no-cache"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    # The file is the same: its tag must not stand for both pages.
    assert "ETag" not in answer.headers


def test_the_mark_is_there_for_browsers_that_ask_unbidden(visitor: Visitor) -> None:
    for path in ("/favicon.ico", "/icon.svg"):
        answer = visitor.call("GET", path)
        assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")

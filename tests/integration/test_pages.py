"""The pages at /: how built files are served, and what is there without them."""

import gzip
from pathlib import Path

import pytest
from flask import Flask

from tests.harness.people.visitor import Visitor

SCRIPT = b"console.log('built')"


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


def test_who_takes_gzip_gets_the_compressed_file(built: Path, app: Flask) -> None:
    answer = app.test_client().get(
        "/assets/index-x1.js", headers={"Accept-Encoding": "gzip, br"}, buffered=True
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.mimetype == "text/javascript"
    assert gzip.decompress(answer.data) == SCRIPT


def test_nothing_above_the_assets_can_be_reached(built: Path, visitor: Visitor) -> None:
    for path in ("../index.html", "%2e%2e/index.html", "/etc/passwd", ".."):
        assert visitor.call("GET", f"/assets/{path}").status_code == 404

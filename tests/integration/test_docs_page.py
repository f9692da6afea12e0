"""The page for people who program, at /docs."""

import pytest
from flask import Flask

from app.events import EVENTS
from app.http import openapi
from tests.harness.people.visitor import Visitor


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


def test_the_page_loads_nothing_from_elsewhere_and_names_every_event_and_call(
    app: Flask, visitor: Visitor
) -> None:
    answer = visitor.call("GET", "/docs")
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert "//" not in answer.text.replace("</", "<")
    paths = {path for _, path, _ in openapi.operations(app)}
    for name in (*(event.event for event in EVENTS), *paths):
        assert name in answer.text


def test_the_pages_own_style_and_links_are_there(visitor: Visitor) -> None:
    for path in ("/docs/static/docs.css", "/api/openapi.json", "/api/asyncapi.json", "/metrics"):
        assert f'href="{path}"' in visitor.call("GET", "/docs").text
        assert visitor.call("GET", path).status_code == 200

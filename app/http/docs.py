"""The documents and the page over them, which needs no script and loads nothing from elsewhere."""

from typing import Any

from flask import Blueprint, current_app, render_template

from app.events import EVENTS
from app.http import asyncapi, openapi
from app.http.operation import ANY_USER

blueprint = Blueprint(
    "docs",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/docs/static",
)

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"


@blueprint.get("/api/openapi.json")
def openapi_document() -> dict[str, Any]:
    """-> 200, OpenAPI 3.1."""
    return openapi.document(current_app._get_current_object())  # type: ignore[attr-defined]


@blueprint.get("/api/asyncapi.json")
def asyncapi_document() -> dict[str, Any]:
    """-> 200, AsyncAPI 3.0."""
    return asyncapi.document()


@blueprint.get("/docs")
def page() -> tuple[str, int, dict[str, str]]:
    """-> 200, a page for people: the calls, the events, and where the documents are."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    html = render_template(
        "docs.html",
        any_user=ANY_USER,
        calls=[
            (method.upper(), path, operation, openapi.possible_errors(operation))
            for method, path, operation in openapi.operations(app)
        ],
        events=[
            (event, list(event.model_json_schema(by_alias=True)["properties"])) for event in EVENTS
        ],
    )
    return html, 200, {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}

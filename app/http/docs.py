"""The API's documents, and a page over them without scripts or foreign resources."""

from collections.abc import Callable

import orjson
from flask import Blueprint, Flask, Response, current_app, render_template

from app.events import EVENTS
from app.http import openapi
from app.http.compression import compressed
from app.http.described import fields, limits_of, type_of
from app.http.operation import ANY_USER
from ordercast import asyncapi_document

blueprint = Blueprint(
    "docs",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/docs/static",
)

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"


@blueprint.get("/api/openapi.json")
def openapi_document() -> Response:
    """-> 200, OpenAPI 3.1."""
    return _made_once("openapi", lambda app: orjson.dumps(openapi.document(app)))


@blueprint.get("/api/asyncapi.json")
def asyncapi() -> Response:
    """-> 200, AsyncAPI 3.0."""
    return _made_once(
        "asyncapi", lambda _: orjson.dumps(asyncapi_document(EVENTS, title="Ordercast"))
    )


@blueprint.get("/docs")
def page() -> Response:
    """-> 200, a page for people: the calls, the events, and links to the documents."""
    answer = _made_once("page", _page, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


def _made_once(
    name: str, make: Callable[[Flask], bytes], *, mimetype: str = "application/json"
) -> Response:
    """A document, made at the first request and kept: routes and events do not change afterwards,
    and making the schemas holds the process for milliseconds."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    made: dict[str, bytes] = app.extensions.setdefault("documents", {})
    if name not in made:
        made[name] = make(app)
    return compressed(app.response_class(made[name], mimetype=mimetype))


def _page(app: Flask) -> bytes:
    document = openapi.document(app)
    schemas = document["components"]["schemas"]
    html = render_template(
        "docs.html",
        any_user=ANY_USER,
        calls=[
            (method.upper(), path, operation, document["paths"][path][method])
            for method, path, operation in openapi.operations(app)
        ],
        schemas={name: schema for name, schema in schemas.items() if name != "Error"},
        fields=lambda schema: fields(schema, schemas),
        type_of=type_of,
        limits_of=limits_of,
        events=[
            (event, list(event.model_json_schema(by_alias=True)["properties"])) for event in EVENTS
        ],
    )
    return html.encode()

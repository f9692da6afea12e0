"""HTTP: blueprints that parse, authorise, call one service function and serialise. Never emits.

operation.py  what every API view shares: token, roles, body, idempotency key, snapshot offset
bodies.py     the request bodies            errors.py  the envelope and the table of statuses
idempotency.py   a repeated POST gets the first answer     paging.py  lists by cursor
session.py    the pages' login               cookie.py   its refresh token, and from where it counts
auth, products, orders, notifications, events: the API     in_flight.py  its large answers
admin/        the administrators' API
health.py     healthz, readyz, metrics      docs.py    OpenAPI, AsyncAPI and the page over them
pages.py      the built pages at /          browsing.py  a person told from a program, error pages
compression.py  of lists and documents
cors.py       CORS_ORIGINS                  access.py  the access log
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from app.http import (
    access,
    admin,
    auth,
    cors,
    docs,
    errors,
    events,
    health,
    notifications,
    orders,
    pages,
    products,
    session,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
from app.http.in_flight import InFlight

MAX_BODY_BYTES = 1_048_576


def init_app(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.extensions["answers"] = InFlight()
    app.url_map.merge_slashes = False  # 404, no redirect to a URL made of the Host field
    for module in (access, errors, cors, pages):
        module.init_app(app)
    for part in (auth, session, products, orders, notifications, events, health, docs):
        app.register_blueprint(part.blueprint)
    for blueprint in admin.BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.after_request(_as_declared)
    app.after_request(_not_kept)


def pass_over_upgrades(app: Flask) -> None:
    """Wrap the application before Socket.IO does, so that Socket.IO still gets its upgrades."""
    app.wsgi_app = _without_upgrades(app.wsgi_app)  # type: ignore[assignment,method-assign]


def _without_upgrades(inner: WSGIApplication) -> WSGIApplication:
    """Ignore the field Upgrade, as RFC 9110 section 7.8 allows: no route here is a WebSocket, and
    Werkzeug would refuse the request."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.pop("HTTP_UPGRADE", None)
        return inner(environ, start_response)

    return application


def _as_declared(response: Response) -> Response:
    """Forbid browsers to guess the type of an answer from its content."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _not_kept(response: Response) -> Response:
    """Keep tokens and personal answers out of caches (RFC 6749 section 5.1). Answers that are the
    same for everybody set a field of their own (pages, assets), or are documents."""
    if request.blueprint != docs.blueprint.name:
        response.headers.setdefault("Cache-Control", "no-store")
    return response

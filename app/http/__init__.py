"""HTTP: blueprints that parse, authorise, call one service function and serialise. Never emits.

operation.py  what every API view shares: token, roles, body, idempotency key, snapshot offset
bodies.py     the request bodies            errors.py  the envelope and the table of statuses
auth, products, orders, notifications, events: the API
health.py     healthz, readyz, metrics      docs.py    OpenAPI, AsyncAPI and the page over them
pages.py      the built pages at /
cors.py       CORS_ORIGINS                  access.py  the access log
"""

from flask import Flask

from app.http import (
    access,
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
)

MAX_BODY_BYTES = 1_048_576


def init_app(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False  # not found, and no redirect to whatever Host says
    for module in (access, errors, cors, pages, health):
        module.init_app(app)
    for part in (auth, products, orders, notifications, events, health, docs):
        app.register_blueprint(part.blueprint)

"""Every route, also the one added tomorrow: it needs a token or says why not."""

from collections import defaultdict

import pytest
from flask import Flask

from app.http import openapi
from tests.harness.application.market import error, good
from tests.harness.people.keys import claims, hs256
from tests.harness.people.visitor import Visitor

# Routes that are no @operation, each with the reason why it may answer anybody.
OPEN = {
    "/healthz": "a balancer has no token, and it says nothing but ok",
    "/readyz": "a balancer has no token, and it says only what works",
    "/metrics": "Prometheus has no token; keep it from the outside at the balancer",
    "/api/openapi.json": "the documents are the same for everybody",
    "/api/asyncapi.json": "the documents are the same for everybody",
    "/": "the page on which people sign in",
    "/shop": "the same page, for a person",
    "/notifications": "the same page, for a person",
    "/board": "the same page, for a person",
    "/sales": "the same page, for a person",
    "/stock": "the same page, for a person",
    "/write": "the same page, for a person",
    "/orders": "the same page, for a person",
    "/orders/<order_id>": "the same page, for a person",
    "/admin": "the same page, for a person",
    "/icon.svg": "the mark of that page",
    "/favicon.ico": "the same",
    "/assets/<path:filename>": "what that page is made of; built from public sources",
    "/docs": "the page over the documents",
    "/docs/console": "the console of that page, whose script asks for a token",
    "/docs/static/<path:filename>": "the style of that page",
    "/static/<path:filename>": "Flask's own; the folder is not there",
}
PUBLIC = {
    "POST /api/auth/register",
    "POST /api/auth/login",
    "POST /api/auth/refresh",
    "POST /api/auth/session",
    "POST /api/auth/session/refresh",
    "DELETE /api/auth/session",
    "GET /api/products/{product_id}/picture",
}
CONTRACT = {
    *PUBLIC,
    "POST /api/auth/logout",
    "POST /api/auth/password",
    "GET /api/auth/me",
    "GET /api/products",
    "POST /api/products",
    "PATCH /api/products/{product_id}",
    "POST /api/products/{product_id}/stock",
    "POST /api/orders",
    "GET /api/orders",
    "GET /api/orders/{order_id}",
    "GET /api/orders/{order_id}/timeline",
    "PATCH /api/orders/{order_id}/status",
    "GET /api/notifications",
    "POST /api/notifications",
    "POST /api/notifications/{notification_id}/read",
    "GET /api/events",
    "GET /api/admin/audit",
    "GET /api/admin/service",
    "GET /api/admin/connections",
    "GET /api/admin/events",
    "GET /api/admin/events/{offset}",
    "GET /api/admin/inbox",
    "POST /api/admin/inbox/{entry_id}/retry",
    "DELETE /api/admin/inbox/{entry_id}",
    "GET /api/admin/users",
    "POST /api/admin/users/{user_id}/disable",
    "POST /api/admin/users/{user_id}/enable",
    "PUT /api/admin/users/{user_id}/role",
    "PUT /api/admin/users/{user_id}/password",
    "POST /api/admin/users/{user_id}/revoke",
    "POST /api/admin/users/{user_id}/disconnect",
}


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


def calls(app: Flask, *, public: bool) -> list[tuple[str, str]]:
    """(method, path) of every operation that is, or is not, declared public."""
    return [
        (method.upper(), path.format_map(defaultdict(lambda: 1)))
        for method, path, operation in openapi.operations(app)
        if (operation.public is not None) is public
    ]


def test_the_operations_are_those_of_the_contract(app: Flask) -> None:
    declared = openapi.operations(app)
    assert {f"{method.upper()} {path}" for method, path, _ in declared} == CONTRACT


def test_every_route_is_a_declared_operation_or_says_here_why_not(app: Flask) -> None:
    undeclared = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if not hasattr(app.view_functions[rule.endpoint], "operation")
    }
    assert undeclared == set(OPEN)


def test_a_public_operation_says_why(app: Flask) -> None:
    public = {f"{m.upper()} {path}": op for m, path, op in openapi.operations(app) if op.public}
    assert public.keys() == PUBLIC
    assert all(len(operation.public or "") > 10 for operation in public.values())


def test_every_other_operation_refuses_without_a_token(app: Flask, visitor: Visitor) -> None:
    for method, path in calls(app, public=False):
        answer = visitor.call(method, path, json={})
        assert error(answer) == (401, "authentication_required"), (method, path)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_other_operation_refuses_a_bad_an_expired_and_a_refresh_token(
    app: Flask, visitor: Visitor
) -> None:
    for method, path in calls(app, public=False):
        for token, code in (
            ("x.y.z", "token_invalid"),
            (hs256(claims(exp=1)), "token_expired"),
            (hs256(claims(type="refresh")), "token_invalid"),
        ):
            assert error(visitor.call(method, path, token, json={})) == (401, code), (method, path)


def test_every_operation_with_roles_refuses_the_others(app: Flask, visitor: Visitor) -> None:
    refused = 0
    for method, path, operation in openapi.operations(app):
        for role in () if operation.public else ("customer", "seller", "admin"):
            if role not in operation.roles:
                token = hs256(claims(role=role))
                answer = visitor.call(method.upper(), path, token, json={})
                assert error(answer) == (403, "forbidden"), (method, path, role)
                refused += 1
    assert refused > 0


def test_a_head_or_options_call_opens_nothing(app: Flask, visitor: Visitor) -> None:
    for method, path in calls(app, public=False):
        if method == "GET":
            assert visitor.call("HEAD", path).status_code == 401
        answer = visitor.call("OPTIONS", path)
        assert (answer.status_code, answer.data) == (200, b"")


def test_what_somebody_is_told_stays_in_no_cache(app: Flask, visitor: Visitor) -> None:
    """Tokens first, but also errors, and what a team's balancer asks each second."""
    good(visitor.register(), 201)
    login = visitor.log_in()
    pair = good(login)
    answers = [login, visitor.refresh(pair["refreshToken"]), visitor.log_in(password="wrong")]
    for token in (None, pair["accessToken"], "garbage"):
        answers += [
            visitor.call(method, path, token)
            for public in (True, False)
            for method, path in calls(app, public=public)
        ]
    answers += [visitor.call("GET", path) for path in ("/healthz", "/readyz", "/api/nothing")]
    for answer in answers:
        assert answer.headers.get_all("Cache-Control") == ["no-store"], answer.request.path


def test_what_is_the_same_for_everybody_may_be_kept(visitor: Visitor) -> None:
    for path in ("/api/openapi.json", "/api/asyncapi.json", "/docs"):
        assert "no-store" not in visitor.call("GET", path).headers.get("Cache-Control", ""), path

"""Whatever is sent to any route, the answer is good or the caller's fault: never a 5xx.

What must be in the lists comes from the app: its operations, their bodies, its url_map.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, quote_from_bytes

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from werkzeug.test import TestResponse

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.config import Settings
from app.http import MAX_BODY_BYTES, bodies
from app.http.openapi import operations
from app.http.operation import Operation
from tests.harness.application import hostile
from tests.harness.application.hostile import assert_answered
from tests.harness.application.market import Caller, Market, error, good

JSON = "application/json"
VALID: dict[type[bodies.Body], Any] = {
    bodies.Register: {
        "email": "erin@example.com",
        "password": "long enough",
        "name": "Erin",
        "role": "customer",
    },
    bodies.Login: {"email": "alice@example.com", "password": "wrong"},
    bodies.Refresh: {"refreshToken": "x.y.z"},
    bodies.CreateProduct: {
        "name": "Tea",
        "priceCents": 250,
        "currency": "EUR",
        "stock": 1,
        "lowStockThreshold": 1,
        "hidden": False,
    },
    bodies.UpdateProduct: {
        "name": "Tea",
        "priceCents": 250,
        "lowStockThreshold": 1,
        "hidden": False,
        "picture": "iVBORw0KGgo=",  # how a PNG begins
    },
    bodies.AdjustStock: {"delta": 1},
    bodies.PlaceOrder: {"items": [{"productId": "1", "quantity": 1}]},
    bodies.ChangeStatus: {"status": "confirmed", "version": 1},
    bodies.Notify: {
        "userId": "1",
        "title": "Hello",
        "message": "Hello",
        "type": "info",
        "requireAccount": True,
    },
    bodies.ChangeRole: {"role": "customer"},
    bodies.ChangePassword: {"password": "another horse battery"},
    bodies.ChangeOwnPassword: {"current": "correct horse", "new": "another horse battery"},
}
repeatable = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
QUERY_NAMES = ("after", "cursor", "limit", "sellerId", "status", "x", "")
# Of what these tests send the database sees nothing, or what is valid: one is enough.
BEFORE_THE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HEADER_TEXT = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"))


class Call(NamedTuple):
    """One declared operation, and whoever gets furthest with it."""

    method: str
    path: str  # with {braces}
    operation: Operation

    def send(self, market: Market, **options: Any) -> TestResponse:
        """With ids that exist, a token that nothing has revoked, and as the pages send."""
        path = re.sub("{.*?}", "1", self.path)
        headers = {"X-Requested-With": "test", **options.pop("headers", {})}
        return self.caller(market).call(self.method, path, headers=headers, **options)

    def caller(self, market: Market) -> Caller:
        roles = self.operation.roles
        role = next(role for role in (Role.SELLER, Role.CUSTOMER, Role.ADMIN) if role in roles)
        known = {Role.SELLER: market.bob, Role.CUSTOMER: market.alice, Role.ADMIN: market.admin}
        return market.bearer(known[role].id, role)


@pytest.fixture(name="settings")
def without_slowing(settings: Settings) -> Settings:
    """Hundreds of wrong logins: past the limit each is refused at once."""
    return settings.model_copy(update={"LOGIN_SLOWED_SECONDS": 0})


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    """With a product, an order and a notification of bob's, all with the id 1."""
    market = Market(app, make_user)
    order = market.order(market.product(stock=1_000_000))
    body = {**VALID[bodies.Notify], "userId": market.bob.id}
    notification = good(market.admin.post("/api/notifications", body), 201)
    assert order["id"] == notification["id"] == "1"
    return market


@pytest.fixture
def calls(app: Flask) -> list[Call]:
    return [Call(method.upper(), path, operation) for method, path, operation in operations(app)]


@pytest.fixture
def with_body(calls: list[Call]) -> list[tuple[Call, Any]]:
    """The calls that take a body, and one that is valid."""
    return [(call, VALID[call.operation.body]) for call in calls if call.operation.body]  # type: ignore[index]


def is_admitted(call: Call, data: bytes) -> bool:
    assert call.operation.body is not None
    try:
        call.operation.body.model_validate_json(data)
    except ValidationError:
        return False
    return True


def test_every_field_of_every_body_is_attacked(with_body: list[tuple[Call, Any]]) -> None:
    for call, body in with_body:
        model = call.operation.body
        assert model is not None
        fields = {field.alias for field in model.model_fields.values()}
        assert set(body) == fields - ({"stock"} if model is bodies.AdjustStock else set())


def test_what_is_attacked_would_be_let_in(
    market: Market, with_body: list[tuple[Call, Any]]
) -> None:
    for call, body in with_body:
        response = call.send(market, json=body)
        is_in = response.status_code in (200, 201, 204, 401, 409)
        assert is_in or error(response) == (403, "wrong_password"), (call.path, response.text)


def test_a_wrong_value_in_any_field(
    market: Market, with_body: list[tuple[Call, Any]], database_url: str
) -> None:
    """On PostgreSQL those that the model of the body admits: no other gets as far."""
    everything = database_url.startswith("sqlite")
    for call, body in with_body:
        for place in hostile.places(body):
            for fragment in hostile.FRAGMENTS:
                data = hostile.changed(body, place, fragment=fragment)
                if not everything and not is_admitted(call, data):
                    continue
                response = call.send(market, data=data, content_type=JSON)
                assert_answered(response, (call.path, place, fragment))


def test_a_missing_field(market: Market, with_body: list[tuple[Call, Any]]) -> None:
    for call, body in with_body:
        for place in hostile.places(body):
            response = call.send(market, data=hostile.without(body, place), content_type=JSON)
            assert_answered(response, (call.path, place))


@BEFORE_THE_DATABASE
def test_an_extra_field(market: Market, with_body: list[tuple[Call, Any]]) -> None:
    for call, body in with_body:
        for name in ("id", "role2", "", "__class__", "x" * 1000, "\0", "\u202e"):
            refused = call.send(market, json={**body, name: 1})
            assert error(refused) == (422, "validation_error"), (call.path, name)


@BEFORE_THE_DATABASE
def test_a_body_that_is_no_object(market: Market, with_body: list[tuple[Call, Any]]) -> None:
    for call, _ in with_body:
        for data in hostile.BODIES:
            if data == b"{}" and call.operation.body is bodies.ChangePassword:
                continue  # a password is made up for it
            response = call.send(market, data=data, content_type=JSON)
            status = assert_answered(response, (call.path, data[:100]))
            assert status in (400, 401, 422), (call.path, data[:100], response.text)


@BEFORE_THE_DATABASE
def test_a_content_type_that_is_not_json(market: Market, with_body: list[tuple[Call, Any]]) -> None:
    for call, body in with_body:
        for content_type in hostile.CONTENT_TYPES:
            data = json.dumps(body)
            response = call.send(market, data=data, headers={"Content-Type": content_type})
            assert_answered(response, (call.path, content_type))


@BEFORE_THE_DATABASE
def test_a_body_of_ten_megabytes(market: Market, calls: list[Call]) -> None:
    # Those without a body go last: they do what they are asked, and one ends the sessions.
    for call in sorted(calls, key=lambda call: call.operation.body is None):
        data = b'{"name": "' + b"x" * 10_000_000 + b'"}'
        response = call.send(market, data=data, content_type=JSON)
        assert_answered(response, call.path)
        if call.operation.body:
            assert error(response) == (413, "body_too_large"), call.path


@BEFORE_THE_DATABASE
def test_the_largest_body_is_read_and_one_byte_more_is_not(market: Market) -> None:
    caller = market.bob
    for size, expected in ((MAX_BODY_BYTES, 422), (MAX_BODY_BYTES + 1, 413)):
        data = b'{"name": "' + b"x" * (size - 12) + b'"}'
        assert len(data) == size
        response = caller.call("POST", "/api/products", data=data, content_type=JSON)
        assert error(response)[0] == expected


def test_a_path_with_anything_where_an_id_belongs(market: Market, calls: list[Call]) -> None:
    with_ids = [call for call in calls if "{" in call.path]
    assert with_ids
    for call in with_ids:
        for segment in hostile.SEGMENTS:
            path = segment.join(re.split("{.*?}", call.path))
            body = VALID[call.operation.body] if call.operation.body else None  # type: ignore[index]
            response = call.caller(market).call(call.method, path, json=body)
            assert_answered(response, (call.method, path))


@BEFORE_THE_DATABASE
def test_any_path_that_is_no_route_or_a_file(app: Flask, market: Market) -> None:
    files = {
        rule.rule.partition("<")[0] for rule in app.url_map.iter_rules() if "<path:" in rule.rule
    }
    assert "/docs/static/" in files
    for folder in {"/", "/api//", "/api/", "/api/orders/1/", "/healthz/", *files}:
        for segment in hostile.SEGMENTS:
            path = f"{folder}{segment}"
            assert_answered(market.bob.call("GET", path), path)


@BEFORE_THE_DATABASE
def test_any_method_on_any_route(app: Flask, market: Market) -> None:
    for rule in app.url_map.iter_rules():
        path = re.sub("<.*?>", "1", rule.rule)
        for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "CONNECT", "get", "X" * 500):
            caller = market.bearer(market.bob.id, Role.SELLER)
            assert_answered(caller.call(method, path), (method, path))


def test_any_value_of_any_query_parameter(market: Market, calls: list[Call]) -> None:
    reads = [call for call in calls if call.operation.query]
    assert reads
    for call in reads:
        model = call.operation.query
        assert model is not None
        for name in model.model_json_schema()["properties"]:
            for value in hostile.SEGMENTS:
                query = f"{name}={value}"
                assert_answered(call.send(market, query_string=query), (call.path, query))


@BEFORE_THE_DATABASE
def test_any_query_parameter_that_nobody_reads(market: Market) -> None:
    for name in hostile.SEGMENTS:
        query = f"{name}={name}&{name}&&=&"
        assert (
            assert_answered(market.bob.call("GET", "/api/orders", query_string=query), name) == 200
        )


@BEFORE_THE_DATABASE
def test_any_authorization(market: Market, calls: list[Call]) -> None:
    for call in calls:
        for token in hostile.TOKENS:
            response = call.send(market, headers={"Authorization": token})
            status = assert_answered(response, (call.path, token))
            if call.operation.public is None:
                assert status == 401, (call.path, token)


@BEFORE_THE_DATABASE
def test_any_other_header(market: Market, calls: list[Call]) -> None:
    headers = {
        "Accept": "\xff" * 1000,
        "Accept-Encoding": "gzip;q=NaN",
        "Accept-Charset": "\xff",
        "Cookie": "=;;=\xff; access_token_cookie=x; session=\x01",
        "Range": "bytes=9-1,-1,a-b",
        "If-None-Match": '"' * 1000,
        "If-Modified-Since": "Xxx, 99 Xxx 99999 99:99:99",
        "Origin": "null\xff",
        "Referer": "\xff",
        "User-Agent": "%s{0}\xff",
        "X-Forwarded-For": "', DROP",
        "X-Forwarded-Host": "\xff",
        "X-HTTP-Method-Override": "DELETE",
        "Access-Control-Request-Method": "\xff",
        "Content-Encoding": "gzip",
        "Content-Disposition": 'x; filename*="',
        "Upgrade": "websocket",
        "Expect": "200-ok",
    }
    for call in calls:
        for name, value in headers.items():
            for method in (call.method, "OPTIONS"):
                path = re.sub("{.*?}", "1", call.path)
                response = call.caller(market).call(method, path, headers={name: value})
                assert_answered(response, (method, path, name))
    for path in ("/", "/docs/static/docs.css", "/api/openapi.json"):
        for name, value in headers.items():
            response = market.bob.call("GET", path, headers={name: value})
            status = response.status_code
            assert status in (200, 206, 304, 416), (path, name, status)


@BEFORE_THE_DATABASE
@pytest.mark.parametrize("host", ["", " ", "a b", "\xff", "[", "a:b:c", "x" * 5000, "<script>"])
def test_any_host(market: Market, host: str) -> None:
    for path in ("/", "/api/orders", "/api//orders", "/nowhere"):
        assert_answered(market.bob.call("GET", path, headers={"Host": host}), (host, path))


@repeatable
@given(data=st.data())
def test_any_json_in_any_field(
    market: Market, with_body: list[tuple[Call, Any]], data: st.DataObject
) -> None:
    call, body = data.draw(st.sampled_from(with_body))
    place = data.draw(st.sampled_from(list(hostile.places(body))))
    value = data.draw(JSON_VALUES)
    fragment = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    sent = hostile.changed(body, place, fragment=fragment)
    response = call.send(market, data=sent, content_type=JSON)
    assert_answered(response, (call.path, place, value))


@BEFORE_THE_DATABASE
@repeatable
@given(data=st.data())
def test_any_bytes_as_a_body(
    market: Market, with_body: list[tuple[Call, Any]], data: st.DataObject
) -> None:
    call, _ = data.draw(st.sampled_from(with_body))
    sent = data.draw(st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
    assert_answered(call.send(market, data=sent, content_type=JSON), (call.path, sent))


@repeatable
@given(data=st.data())
def test_any_text_in_the_query_and_the_path(
    market: Market, calls: list[Call], data: st.DataObject
) -> None:
    call = data.draw(st.sampled_from(calls))
    encoded = (
        st.text().map(quote)
        | st.binary().map(quote_from_bytes)
        | st.text(st.characters(max_codepoint=126, min_codepoint=33, exclude_characters="?#"))
    )
    name, value = data.draw(st.sampled_from(QUERY_NAMES)), data.draw(encoded)
    segment = data.draw(encoded).replace("/", "%2f") or "1"
    path = re.sub("{.*?}", lambda _: segment, call.path)
    body = VALID[call.operation.body] if call.operation.body else None  # type: ignore[index]
    query = f"{name}={value}"
    response = call.caller(market).call(call.method, path, json=body, query_string=query)
    assert_answered(response, (call.method, path, query))


@repeatable
@given(data=st.data())
def test_any_text_in_the_headers_that_are_read(
    market: Market, calls: list[Call], data: st.DataObject
) -> None:
    call = data.draw(st.sampled_from(calls))
    headers = {"Idempotency-Key": data.draw(HEADER_TEXT)}
    if data.draw(st.booleans()):
        headers["Authorization"] = data.draw(st.sampled_from(["", "Bearer "])) + data.draw(
            HEADER_TEXT
        )
    body = VALID[call.operation.body] if call.operation.body else None  # type: ignore[index]
    assert_answered(call.send(market, json=body, headers=headers), (call.path, headers))

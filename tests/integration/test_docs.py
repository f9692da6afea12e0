"""The documents: everything is in them, and what is really sent is what they say."""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from app.accounts.tokens import Identity
from app.events import EVENTS
from app.http import openapi as documents
from app.http.errors import STATUS
from tests.harness.application.documents import Document, check, check_answer, found, references
from tests.harness.application.market import Market, basket, good
from tests.harness.people.keys import claims, hs256
from tests.harness.people.visitor import ALICE, PASSWORD, Visitor


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def openapi(visitor: Visitor) -> Document:
    document: Document = good(visitor.call("GET", "/api/openapi.json"))
    return document


@pytest.fixture
def asyncapi(visitor: Visitor) -> Document:
    document: Document = good(visitor.call("GET", "/api/asyncapi.json"))
    return document


def called(action: Callable[[], object]) -> list[str]:
    """The names of the functions that run meanwhile."""
    names: list[str] = []
    sys.setprofile(lambda frame, event, _: names.append(frame.f_code.co_name))
    try:
        action()
    finally:
        sys.setprofile(None)
    return names


@pytest.mark.parametrize("path", ["/api/openapi.json", "/api/asyncapi.json", "/docs"])
def test_a_document_is_made_once(visitor: Visitor, path: str) -> None:
    """Anybody may ask for it, and making one takes milliseconds in which nobody else is served."""
    first: list[TestResponse] = []
    making = called(lambda: first.append(visitor.call("GET", path)))
    again: list[TestResponse] = []
    repeating = called(lambda: again.append(visitor.call("GET", path)))
    assert {"document", "asyncapi_document", "_page"} & set(making)
    assert not {"document", "asyncapi_document", "_page"} & set(repeating)
    assert (again[0].status_code, again[0].data) == (200, first[0].data)
    assert again[0].headers["Content-Type"] == first[0].headers["Content-Type"]


def test_both_documents_are_complete_in_themselves(openapi: Document, asyncapi: Document) -> None:
    for document in (openapi, asyncapi):
        for reference in set(references(document)):
            assert found(document, reference)
        for schema in document["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)


def test_every_route_of_the_api_is_in_the_openapi_document(app: Flask, openapi: Document) -> None:
    for rule in app.url_map.iter_rules():
        documents = rule.rule in ("/api/openapi.json", "/api/asyncapi.json")
        if rule.rule.startswith("/api/") and not documents:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            methods = {method.lower() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
            assert methods <= openapi["paths"][path].keys()


def test_each_operation_says_what_a_client_needs(openapi: Document) -> None:
    assert openapi["openapi"] == "3.1.0"
    for path, operations in openapi["paths"].items():
        for operation in operations.values():
            assert operation["summary"]
            in_path = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert all(f"{{{name}}}" in path for name in in_path)
            assert len(in_path) == path.count("{")
            needs_token = operation["security"] == [{"bearer": []}]
            assert needs_token == ("token_expired" in str(operation["responses"].get("401"))) or (
                path in ("/api/auth/refresh", "/api/auth/session/refresh")
            )


def test_each_operation_has_an_id_and_schemas_and_examples_that_fit_them(
    app: Flask, openapi: Document
) -> None:
    declared = {(method, path): one for method, path, one in documents.operations(app)}
    ids = [one.id for one in declared.values()]
    assert len(set(ids)) == len(ids)
    for (method, path), one in declared.items():
        described = openapi["paths"][path][method]
        assert described["operationId"] == one.id
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", one.id)
        for parameter in described["parameters"]:
            if "example" in parameter:
                check(openapi, parameter["schema"], parameter["example"])
            assert "example" in parameter or not parameter.get("required"), (one.id, parameter)
        if one.body:
            content = described["requestBody"]["content"]["application/json"]
            check(openapi, content["schema"], content["example"])
            one.body.model_validate_json(json.dumps(content["example"]))
        for status, answer in described["responses"].items():
            if status == "204":
                assert "content" not in answer
                continue
            for media_type, content in answer["content"].items():
                assert content["schema"]
                examples = [one["value"] for one in content.get("examples", {}).values()]
                examples += [content["example"]] if "example" in content else []
                assert examples or media_type != "application/json", (one.id, status)
                for example in examples:
                    check(openapi, content["schema"], example)


def test_every_code_of_the_table_is_in_some_operation(openapi: Document) -> None:
    described = [
        (status, response["description"].split(", "))
        for operations in openapi["paths"].values()
        for operation in operations.values()
        for status, response in operation["responses"].items()
    ]
    for error, status in STATUS.items():
        assert any(here == str(status) and error.code in codes for here, codes in described), error


def test_every_event_is_in_the_asyncapi_document(asyncapi: Document) -> None:
    assert asyncapi["asyncapi"] == "3.0.0"
    messages = asyncapi["components"]["messages"]
    assert {message["name"] for message in messages.values()} == {e.event for e in EVENTS}
    for event in EVENTS:
        channel = asyncapi["channels"][event.audience]
        assert channel["address"] == f"{event.audience}:{{id}}"
        assert event.__name__ in channel["messages"]
    sent = [operation["messages"][0]["$ref"] for operation in asyncapi["operations"].values()]
    assert sorted(sent) == sorted(
        f"#/channels/{event.audience}/messages/{event.__name__}" for event in EVENTS
    )


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


def test_real_answers_are_what_the_openapi_document_says(
    visitor: Visitor, market: Market, openapi: Document
) -> None:
    def checked(method: str, path: str, answer: TestResponse) -> Any:
        check_answer(openapi, method, path, answer)
        return answer.get_json()

    dave = {**ALICE, "email": "dave@example.com"}
    register = visitor.register(email=dave["email"])
    checked("post", "/api/auth/register", register)
    checked("post", "/api/auth/register", visitor.register(email=dave["email"]))
    checked("post", "/api/auth/register", visitor.register(role="owner"))
    checked("post", "/api/auth/login", visitor.log_in(dave["email"], "wrong"))
    pair = checked("post", "/api/auth/login", visitor.log_in(dave["email"], PASSWORD))
    checked("get", "/api/auth/me", visitor.me(pair["accessToken"]))
    checked("get", "/api/auth/me", visitor.me("x.y.z"))
    checked("get", "/api/auth/me", visitor.me(hs256(claims(sub="nobody"))))
    pair = checked("post", "/api/auth/refresh", visitor.refresh(pair["refreshToken"]))
    checked("post", "/api/auth/logout", visitor.log_out(pair["accessToken"]))
    checked("post", "/api/auth/refresh", visitor.refresh(pair["refreshToken"]))

    alice, bob = market.alice, market.bob
    new = {"name": "Tea", "priceCents": 250, "stock": 4}
    product = checked("post", "/api/products", bob.post("/api/products", new))
    checked("post", "/api/products", alice.post("/api/products", new))
    changed = bob.patch(f"/api/products/{product['id']}", {"priceCents": 300})
    checked("patch", "/api/products/{product_id}", changed)
    stock = "/api/products/{product_id}/stock"
    checked("post", stock, bob.adjust(product, delta=-1))
    checked("post", stock, bob.adjust(product, delta=-10))
    checked("get", "/api/products", alice.get("/api/products", limit=1))
    checked("get", "/api/products", alice.get("/api/products", cursor="x"))

    order = checked("post", "/api/orders", alice.post("/api/orders", basket((product, 1))))
    checked("post", "/api/orders", alice.post("/api/orders", basket((product, 9))))
    checked("post", "/api/orders", alice.post("/api/orders", basket(({"id": "99"}, 1))))
    checked("get", "/api/orders", bob.get("/api/orders"))
    checked("get", "/api/orders/{order_id}", alice.get(f"/api/orders/{order['id']}"))
    checked("get", "/api/orders/{order_id}", market.charlie.get(f"/api/orders/{order['id']}"))
    status = "/api/orders/{order_id}/status"
    checked("patch", status, alice.move(order, "confirmed"))
    checked("patch", status, bob.move(order, "confirmed", version=7))
    checked("patch", status, bob.move(order, "confirmed"))
    checked("patch", status, bob.move(order, "refunded"))

    text = {"userId": alice.id, "title": "Hello", "message": "World", "type": "info"}
    sent = market.admin.post("/api/notifications", text)
    number = checked("post", "/api/notifications", sent)["id"]
    checked("get", "/api/notifications", alice.get("/api/notifications"))
    read = "/api/notifications/{notification_id}/read"
    checked("post", read, alice.post(f"/api/notifications/{number}/read"))
    checked("post", read, bob.post(f"/api/notifications/{number}/read"))

    market.sequence()
    checked("get", "/api/events", bob.get("/api/events", after=0))
    checked("get", "/api/events", bob.get("/api/events"))


def test_real_events_are_what_the_asyncapi_document_says(
    market: Market, asyncapi: Document
) -> None:
    product = market.product(stock=3)
    market.bob.move(market.order(product, 2), "confirmed")
    text = {"userId": market.alice.id, "title": "Hello", "message": "World", "type": "info"}
    good(market.admin.post("/api/notifications", text), 201)
    market.sequence()

    payloads = {m["name"]: m["payload"] for m in asyncapi["components"]["messages"].values()}
    seen = set()
    for caller in (market.alice, market.bob):
        for event in good(caller.get("/api/events", after=0))["events"]:
            check(asyncapi, payloads[event["name"]], [event["data"], event["offset"]])
            seen.add(event["name"])
    assert seen == payloads.keys()

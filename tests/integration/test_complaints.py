"""A refusal speaks of the value, never of the exception that a validator raised, wherever it is
read: an answer, an error of the emitters, a refused entry of the inbox, a command, the start."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.emitters import Emitters, InvalidEvent, Refused
from app.events import EVENTS
from ordercast.inbox.letters import read
from tests.harness.application.market import Market, details, error, good
from tests.harness.application.settings import complaint
from tests.harness.people.visitor import Visitor

KINDS = ("Value error", "Assertion failed")
YEAR_ONE = "0001-01-01T00:00:00+14:00"  # has no UTC time: a validator of the events says so
FAMILY = "Tea for \U0001f468\u200d\U0001f469\u200d\U0001f467, 250\u202fg"
ORDER = {
    "id": "3",
    "orderNumber": "OC-00000003",
    "status": "pending",
    "user": {"id": "1", "name": "Alice"},
    "seller": {"id": "2", "name": "Bob"},
    "items": [],
    "totalCents": 0,
    "currency": "EUR",
    "version": 1,
    "createdAt": YEAR_ONE,
    "updatedAt": "2026-01-02T03:04:05Z",
}


def assert_plain(text: str) -> None:
    assert text
    assert not any(kind in text for kind in KINDS), text


def test_an_answer_names_what_is_wrong_in_plain_words(
    app: Flask, make_user: Callable[..., Any]
) -> None:
    visitor, market = Visitor(app), Market(app, make_user)
    product = market.product()["id"]
    answers = [
        visitor.register(name="two\nlines"),
        visitor.register(email="nonsense"),
        visitor.register(password="with\0nul...."),
        market.bob.patch(f"/api/products/{product}", {}),
        market.bob.post(f"/api/products/{product}/stock", {}),
    ]
    for answer in answers:
        assert error(answer) == (422, "validation_error")
        for item in details(answer):
            assert_plain(item["message"])


def test_an_event_that_does_not_fit_is_refused_in_plain_words() -> None:
    with pytest.raises(InvalidEvent) as caught:
        Emitters(lambda *event: None).new_order_for_seller("2", ORDER)
    assert_plain(str(caught.value))
    assert str(caught.value) == "order:new: createdAt: has no UTC time"
    assert caught.value.details == [{"path": "createdAt", "message": "has no UTC time"}]


def test_an_entry_of_the_inbox_is_refused_in_plain_words() -> None:
    data = str({**ORDER, "items": []}).replace("'", '"').encode()
    with pytest.raises(Refused) as caught:
        read(EVENTS, "1-0", {b"event": b"order:new", b"to": b"2", b"data": data})
    assert str(caught.value) == "order:new: createdAt: has no UTC time"


def test_the_start_is_refused_in_plain_words() -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "JWT_PUBLIC_KEY", "CORS_ORIGINS", "PORT"):
        assert_plain(complaint(**{name: "nonsense"}))


def test_people_and_products_are_named_as_people_write(
    app: Flask, make_user: Callable[..., Any]
) -> None:
    assert good(Visitor(app).register(email="erin@example.com", name=FAMILY), 201)["name"] == FAMILY
    market = Market(app, make_user)
    assert market.product(name=FAMILY)["name"] == FAMILY
    note = {"userId": market.alice.id, "title": FAMILY, "message": FAMILY, "type": "info"}
    assert good(market.admin.post("/api/notifications", note), 201)["title"] == FAMILY

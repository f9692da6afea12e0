"""/api/notifications: an admin sends them, their user reads them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Role
from app.accounts.tokens import Identity
from tests.harness.application.market import Caller, Market, Written, error, good, moment

TEXT = {"title": "Hello", "message": "Your tea is on its way.\nEnjoy it.", "type": "info"}


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


def sent(market: Market, user_id: str, **changes: Any) -> Any:
    body = {"userId": user_id, **TEXT, **changes}
    return good(market.admin.post("/api/notifications", body), 201)


def listed(caller: Caller) -> Any:
    return good(caller.get("/api/notifications"))["notifications"]


def test_a_notification_is_kept_and_announced(market: Market) -> None:
    alice = market.alice

    notification = sent(market, alice.id)

    assert notification == {
        "id": "1",
        "userId": alice.id,
        **TEXT,
        "readAt": None,
        "createdAt": notification["createdAt"],
    }
    assert listed(alice) == [notification]
    assert market.written() == [Written(f"user:{alice.id}", "notification", TEXT)]


def test_only_an_admin_sends_notifications(market: Market) -> None:
    body = {"userId": market.charlie.id, **TEXT}
    for caller in (market.alice, market.bob):
        assert error(caller.post("/api/notifications", body)) == (403, "forbidden")
    assert market.written() == []


def test_each_user_sees_their_own_newest_first(market: Market) -> None:
    first, second = sent(market, market.alice.id), sent(market, market.alice.id, title="Again")
    other = sent(market, market.bob.id)

    assert listed(market.alice) == [second, first]
    assert listed(market.bob) == [other]
    assert listed(market.charlie) == listed(market.admin) == []


def test_a_user_without_an_account_here_gets_notifications_too(market: Market) -> None:
    foreign = market.bearer("an-identity-service/7", Role.CUSTOMER)
    notification = sent(market, foreign.id)
    assert listed(foreign) == [notification]
    assert good(foreign.post("/api/notifications/1/read"))["readAt"] is not None


def test_where_an_account_is_required_writing_to_nobody_is_an_error(market: Market) -> None:
    for user_id in ("4711", "nobody", "an-identity-service/7"):
        body = {"userId": user_id, **TEXT, "requireAccount": True}
        assert error(market.admin.post("/api/notifications", body)) == (422, "unknown_user")
    assert market.written() == []
    assert sent(market, market.alice.id, requireAccount=True)["userId"] == market.alice.id


def test_reading_a_notification_is_remembered_from_the_first_time(market: Market) -> None:
    alice, notification = market.alice, sent(market, market.alice.id)
    path = f"/api/notifications/{notification['id']}/read"

    read = good(alice.post(path))

    assert read == {**notification, "readAt": read["readAt"]}
    assert moment(read["readAt"]) >= moment(notification["createdAt"])
    assert good(alice.post(path)) == read
    assert listed(alice) == [read]


def test_reading_announces_nothing(market: Market) -> None:
    sent(market, market.alice.id)
    assert market.written_by(partial(market.alice.post, "/api/notifications/1/read")) == []


@pytest.mark.parametrize("name", ["bob", "charlie", "admin"])
def test_somebody_elses_notification_gets_404(market: Market, name: str) -> None:
    notification = sent(market, market.alice.id)
    refused = getattr(market, name).post(f"/api/notifications/{notification['id']}/read")
    assert error(refused) == (404, "not_found")
    assert listed(market.alice) == [notification]


@pytest.mark.parametrize("path", ["0", "2", "01", "-1", "one", "9" * 30])
def test_a_notification_that_does_not_exist_gets_404(market: Market, path: str) -> None:
    sent(market, market.alice.id)
    assert error(market.alice.post(f"/api/notifications/{path}/read")) == (404, "not_found")


@pytest.mark.parametrize(
    "change",
    [
        {"userId": 7},
        {"userId": ""},
        {"userId": "7\n8"},
        {"userId": "user:7"},  # the row would be nobody's
        {"userId": "seller:7"},
        {"userId": "control"},
        {"message": "a\0b"},
        {"title": "a\0b"},
        {"title": ""},
        {"title": "two\nlines"},
        {"title": "x" * 201},
        {"message": ""},
        {"message": "\0"},
        {"message": "x" * 4001},
        {"type": "x" * 51},
        {"type": None},
        {"offset": "1"},
    ],
)
def test_what_is_no_notification_gets_422(market: Market, change: dict[str, Any]) -> None:
    refused = market.admin.post("/api/notifications", {"userId": "7", **TEXT, **change})
    assert error(refused) == (422, "validation_error")
    assert market.written() == []

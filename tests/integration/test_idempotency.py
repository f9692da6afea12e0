"""Idempotency-Key: a repeated POST gets the first answer and changes nothing."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.db import db
from app.http.openapi import operations
from tests.harness.application.market import Market, basket, error, good
from tests.harness.faults.races import PATIENCE_SECONDS, at_once, right_after
from tests.harness.waiting import wait_until

REPLAYED = "Idempotency-Replayed"
KEY = "4f9d1c52"


class Creation(NamedTuple):
    """A POST that takes a key, and another body that is as good."""

    who: str
    path: str
    body: Any
    other: Any
    status: int = 201

    def send(self, market: Market, key: str | None = KEY, body: Any = None) -> TestResponse:
        return getattr(market, self.who).post(self.path, body or self.body, key=key)  # type: ignore[no-any-return]


def order_of(quantity: int) -> Any:
    return {"items": [{"productId": "1", "quantity": quantity}]}


def notification(title: str) -> Any:
    return {"userId": "1", "title": title, "message": "Hello", "type": "info"}


def account(name: str) -> Any:
    email = "erin@example.com"
    return {"email": email, "password": "long enough", "name": name, "role": "customer"}


CREATIONS = [
    Creation("alice", "/api/orders", order_of(1), order_of(2)),
    Creation(
        "bob", "/api/products", {"name": "A", "priceCents": 1}, {"name": "B", "priceCents": 1}
    ),
    Creation("bob", "/api/products/1/stock", {"delta": -1}, {"delta": -2}, 200),
    Creation("admin", "/api/notifications", notification("A"), notification("B")),
    Creation("alice", "/api/auth/register", account("A"), account("B")),
]
each_creation = pytest.mark.parametrize("creation", CREATIONS, ids=lambda one: one.path)


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    """With one product, whose id is 1."""
    market = Market(app, make_user)
    assert market.product()["id"] == "1"
    return market


def contents(app: Flask) -> dict[str, Any]:
    """Every row of every table."""
    with app.app_context():
        return {
            table.name: db.session.execute(select(table)).all()
            for table in db.metadata.sorted_tables
        }


def test_every_post_that_creates_takes_a_key(app: Flask) -> None:
    creating = {path for _, path, operation in operations(app) if operation.status == 201}
    taking = {path for _, path, operation in operations(app) if operation.idempotent}
    assert creating <= taking
    assert taking == {one.path.replace("/1/", "/{product_id}/") for one in CREATIONS}


@each_creation
def test_a_repeat_gets_the_first_answer_and_changes_nothing(
    app: Flask, market: Market, creation: Creation
) -> None:
    first = creation.send(market)
    assert REPLAYED not in first.headers
    after = contents(app)

    for _ in range(2):
        repeat = creation.send(market)
        assert good(repeat, creation.status) == good(first, creation.status)
        assert repeat.headers[REPLAYED] == "true"
        assert contents(app) == after


@each_creation
def test_another_body_with_the_same_key_gets_422(
    app: Flask, market: Market, creation: Creation
) -> None:
    creation.send(market)
    after = contents(app)

    reused = creation.send(market, body=creation.other)

    assert error(reused) == (422, "idempotency_key_reused")
    assert REPLAYED not in reused.headers
    assert contents(app) == after


@each_creation
def test_two_at_the_same_moment_create_one_thing(
    app: Flask, market: Market, creation: Creation
) -> None:
    # The race: the second one looks for the key before the first one has committed it.
    before = contents(app)

    answers = at_once(*[partial(creation.send, market)] * 5)

    assert {answer.status_code for answer in answers} == {creation.status}
    assert len({answer.text for answer in answers}) == 1
    assert sorted(answer.headers.get(REPLAYED, "") for answer in answers) == ["", *["true"] * 4]
    added = {
        name: len(rows) - len(before[name])
        for name, rows in contents(app).items()
        if len(rows) != len(before[name])
    }
    assert set(added.values()) == {1}, added
    assert "idempotency_keys" in added


@each_creation
def test_without_a_key_each_one_runs(app: Flask, market: Market, creation: Creation) -> None:
    answers = [creation.send(market, key=None) for _ in range(2)]
    assert answers[0].text != answers[1].text
    assert contents(app)["idempotency_keys"] == []


def test_a_repeat_waits_for_the_first_one_to_finish(app: Flask, market: Market) -> None:
    # The race, forced: the repeat runs while the first one holds the key and has not committed.
    with app.app_context():
        engine = db.engine
    creation, repeating = CREATIONS[0], threading.Event()

    # On SQLite the writers of a process take turns where they begin, PostgreSQL queues at the key.
    database = app.extensions["ordercast"].database
    turn = database.turn

    def take_turn() -> Any:
        repeating.set()
        return turn()

    def is_waiting() -> bool:
        if engine.dialect.name == "sqlite":
            return repeating.is_set()
        query = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with engine.connect() as connection:
            return bool(connection.scalar(text(query)))

    with ThreadPoolExecutor(1) as pool:
        repeats = []

        def repeat_meanwhile() -> None:
            database.turn = take_turn
            repeats.append(pool.submit(creation.send, market))
            wait_until(is_waiting, "the repeat waits")

        with right_after(engine, "INSERT INTO idempotency_keys", repeat_meanwhile):
            first = creation.send(market)
        repeat = repeats[0].result(PATIENCE_SECONDS)

    assert good(repeat, 201) == good(first, 201)
    assert (REPLAYED in first.headers, repeat.headers[REPLAYED]) == (False, "true")


def test_a_repeat_gets_the_first_answer_though_the_order_has_moved_since(market: Market) -> None:
    creation = CREATIONS[0]
    order = good(creation.send(market), 201)
    good(market.alice.move(order, "cancelled"))
    assert good(creation.send(market), 201) == order


def test_the_same_request_in_other_words_is_a_repeat(market: Market) -> None:
    creation = CREATIONS[1]
    first = good(creation.send(market), 201)
    spelled_out = '{ "priceCents": 1, "stock": 0, "currency": "EUR", "name": " A " }'
    repeat = market.bob.call(
        "POST",
        creation.path,
        data=spelled_out,
        content_type="application/json; charset=utf-8",
        headers={"Idempotency-Key": KEY},
    )
    assert good(repeat, 201) == first
    assert repeat.headers[REPLAYED] == "true"


def test_another_user_may_use_the_same_key(market: Market) -> None:
    order, offer = CREATIONS[:2]
    pairs = [(market.alice, market.charlie, order), (market.bob, market.dora, offer)]
    for someone, another, creation in pairs:
        first = someone.post(creation.path, creation.body, key=KEY)
        second = another.post(creation.path, creation.other, key=KEY)
        assert good(first, 201)["id"] != good(second, 201)["id"]
        assert REPLAYED not in second.headers


def test_another_admin_may_use_the_same_key(
    market: Market, make_user: Callable[..., Identity]
) -> None:
    creation, other = CREATIONS[3], market.caller(make_user("Olga", Role.ADMIN))
    good(creation.send(market), 201)
    assert good(other.post(creation.path, creation.other, key=KEY), 201)["title"] == "B"


def test_another_e_mail_address_may_use_the_same_key(market: Market) -> None:
    creation = CREATIONS[4]
    first = good(creation.send(market), 201)
    second = {**creation.body, "email": "frank@example.com"}
    assert good(creation.send(market, body=second), 201)["id"] != first["id"]


def test_a_key_is_of_one_call_on_one_thing(market: Market) -> None:
    pot = market.product(name="Pot")
    good(market.bob.post("/api/products", {"name": "Cup", "priceCents": 1}, key=KEY), 201)
    for path in ("/api/products/1/stock", f"/api/products/{pot['id']}/stock"):
        answer = market.bob.post(path, {"delta": 1}, key=KEY)
        assert good(answer)["stock"] == 11
        assert REPLAYED not in answer.headers


def test_a_key_runs_again_after_an_error(market: Market) -> None:
    tea = market.product(stock=1)
    body = basket((tea, 2))
    for _ in range(2):
        refused = market.alice.post("/api/orders", body, key=KEY)
        assert error(refused) == (409, "out_of_stock")
        assert REPLAYED not in refused.headers
    good(market.bob.adjust(tea, delta=1))

    placed = market.alice.post("/api/orders", body, key=KEY)

    assert good(placed, 201)["items"][0]["quantity"] == 2
    assert REPLAYED not in placed.headers
    assert market.stock(tea) == 0


def test_a_key_is_free_for_another_body_after_an_error(market: Market) -> None:
    tea = market.product(stock=1)
    for quantity in (2, 0, 100_001):
        assert market.alice.post("/api/orders", basket((tea, quantity)), key=KEY).status_code >= 400
    good(market.alice.post("/api/orders", basket((tea, 1)), key=KEY), 201)


def test_a_key_whose_account_exists_already_gets_the_same_conflict(market: Market) -> None:
    creation = CREATIONS[4]
    good(creation.send(market, key=None), 201)
    for _ in range(2):
        assert error(creation.send(market)) == (409, "email_taken")


@each_creation
@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb", "caf\u00e9", "\x7f", "\x00"])
def test_a_key_that_is_none_gets_400(
    app: Flask, market: Market, creation: Creation, key: str
) -> None:
    before = contents(app)
    assert error(creation.send(market, key=key)) == (400, "invalid_idempotency_key")
    assert contents(app) == before


@pytest.mark.parametrize(
    "key", ["k" * 255, "a b", '"4f9d"', "%00", "'; DROP TABLE ordercast_events; --"]
)
def test_a_key_is_any_printable_text(market: Market, key: str) -> None:
    creation = CREATIONS[0]
    first = good(creation.send(market, key=key), 201)
    assert good(creation.send(market, key=key), 201) == first


def test_a_key_does_not_let_the_wrong_role_in(market: Market) -> None:
    creation = CREATIONS[0]
    good(creation.send(market), 201)
    assert error(market.bob.post(creation.path, creation.body, key=KEY)) == (403, "forbidden")

"""/api/orders/{id}/timeline: what happened to an order, when and by whom."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.db import db, transaction
from app.orders import service
from app.orders.models import OrderMove
from tests.harness.application.market import Caller, Market, error, good
from tests.harness.servers.migrating import migrate
from tests.harness.servers.schema import engine_of, rows


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


def timeline(caller: Caller, order: Any) -> Any:
    return good(caller.get(f"/api/orders/{order['id']}/timeline"))["moves"]


def test_it_has_every_move_with_its_time_and_its_mover_alike_for_each_party(market: Market) -> None:
    order = market.order(market.product())
    times = [order["createdAt"]]
    for mover, status in (
        (market.bob, "confirmed"),
        (market.admin, "processing"),
        (market.bearer("an-admin", Role.ADMIN), "cancelled"),  # no account is needed
    ):
        times.append(good(mover.move(order, status))["updatedAt"])

    moves = timeline(market.alice, order)

    assert moves == [
        {"version": version, "status": status, "at": at, "by": by}
        for version, (status, at, by) in enumerate(
            zip(
                ("pending", "confirmed", "processing", "cancelled"),
                times,
                (
                    {"kind": "customer", "id": market.alice.id, "name": "Alice"},
                    {"kind": "seller", "id": market.bob.id, "name": "Bob"},
                    {"kind": "admin", "id": market.admin.id, "name": "Admin"},
                    {"kind": "admin", "id": "an-admin", "name": None},
                ),
                strict=True,
            ),
            start=1,
        )
    ]
    assert timeline(market.bob, order) == timeline(market.admin, order) == moves
    for stranger in (market.charlie, market.dora):
        assert error(stranger.get(f"/api/orders/{order['id']}/timeline")) == (404, "not_found")


def test_an_order_that_expired_was_moved_by_nobody(market: Market) -> None:
    order = market.order(market.product())
    with market.app.app_context():
        assert service.cancel_expired(timedelta(minutes=-1)) == 1
    assert timeline(market.alice, order)[-1]["by"] == {"kind": "expiry", "id": None, "name": None}


def test_a_refused_move_is_not_in_it(market: Market) -> None:
    order = market.order(market.product())
    assert error(market.bob.move(order, "shipped")) == (409, "invalid_transition")
    assert error(market.bob.move(order, "confirmed", version=7)) == (409, "version_conflict")
    assert [move["status"] for move in timeline(market.alice, order)] == ["pending"]


def test_a_process_of_the_release_before_moves_an_order_and_it_is_known_when(
    market: Market,
) -> None:
    order = market.order(market.product())
    moved = good(market.bob.move(order, "confirmed"))
    with market.app.app_context(), transaction() as session:
        session.execute(sa.delete(OrderMove))
    assert timeline(market.alice, order)[1:] == [
        {"version": 2, "status": "confirmed", "at": moved["updatedAt"], "by": None}
    ]


def test_a_move_takes_as_many_round_trips_to_postgresql_as_without_its_history(
    market: Market,
) -> None:
    order = market.order(market.product())
    asked: list[str] = []
    with market.app.app_context():
        engine = db.engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    good(market.bob.move(order, "confirmed"))
    event.remove(engine, "before_cursor_execute", note)
    moving = [one for one in asked if "order_moves" in one or "UPDATE orders" in one]
    assert len(moving) == (1 if engine.dialect.name == "postgresql" else 2)


def test_of_the_orders_before_the_latest_move_is_known(empty_urls: tuple[str, str]) -> None:
    url, _ = empty_urls
    migrate(url, revision="0008")
    with engine_of(url).begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES"
                " (1, 'a@example.com', 'A', 'customer', 'x', '2026-01-01 00:00:00+00')"
            )
        )
        for order_id, status, version in ((1, "pending", 1), (2, "shipped", 4)):
            connection.execute(
                sa.text(
                    "INSERT INTO orders (id, status, customer_id, seller_id, total_cents, currency,"
                    f" version, created_at, updated_at) VALUES ({order_id}, '{status}', 1, 1, 5,"
                    f" 'EUR', {version}, '2026-01-02 00:00:00+00', '2026-01-03 00:00:00+00')"
                )
            )

    migrate(url)

    [move] = rows(url, "order_moves")
    assert (move.order_id, move.version, move.status) == (2, 4, "shipped")
    assert (move.mover, move.user_id, str(move.created_at)[:10]) == (None, None, "2026-01-03")

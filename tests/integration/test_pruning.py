"""Pruning: what has served its time goes; of the journal only a prefix, and that is remembered."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event, func, select, update

from app.accounts import attempts
from app.accounts.models import LoginAttempts, LoginSession
from app.accounts.tokens import Identity
from app.db import db, now, transaction
from app.http.idempotency import IdempotencyKey
from app.pruning import KEYS_KEPT
from app.pruning import prune_once as prune_accounts
from ordercast.journal import Head
from ordercast.journal.tables import EVENTS
from ordercast.worker.pruning import prune_once
from tests.harness.application import journal
from tests.harness.application.market import Market, basket, good

KEEP_DAYS = 7.0
DAY = timedelta(days=1)


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


def append(app: Flask, *ages_days: float, sequence: bool = True) -> None:
    """One event for each age, written so long ago."""
    with app.app_context():
        for days in ages_days:
            with transaction() as session:
                journal.append("user:1", "test", {})
                session.flush()
                session.execute(
                    update(EVENTS)
                    .where(EVENTS.c.id == select(func.max(EVENTS.c.id)).scalar_subquery())
                    .values(created_at=now() - DAY * days)
                )
        while sequence and journal.sequence()[1]:
            continue


def prune(app: Flask, keep_days: float = KEEP_DAYS) -> bool:
    with app.app_context():
        service = app.extensions["ordercast"]
        return prune_once(service.database, service.journal, keep_days)


def kept(app: Flask) -> list[int | None]:
    """The positions of the events that are left."""
    with app.app_context():
        query = select(EVENTS.c.position).order_by(EVENTS.c.id)
        return list(db.session.scalars(query))


def head(app: Flask) -> Head:
    with app.app_context():
        return journal.head()


def test_old_events_go_and_the_lowest_kept_is_remembered(app: Flask) -> None:
    append(app, 9, 8, 6, 1)
    assert prune(app) is False
    assert kept(app) == [3, 4]
    assert (head(app).position, head(app).lowest) == (4, 3)


def test_an_old_event_behind_a_younger_one_stays(app: Flask) -> None:
    # Written long before it committed: only a prefix may go, or a hole would look like the whole.
    append(app, 9, 6, 8, 1)
    prune(app)
    assert kept(app) == [2, 3, 4]
    assert head(app).lowest == 2


def test_an_event_without_a_position_stays(app: Flask) -> None:
    append(app, 9)
    append(app, 9, sequence=False)
    prune(app)
    assert kept(app) == [None]
    assert (head(app).position, head(app).lowest) == (1, 2)


def test_positions_continue_after_everything_was_pruned(app: Flask) -> None:
    append(app, 9, 8)
    prune(app)
    assert kept(app) == []
    assert (head(app).position, head(app).lowest) == (2, 3)

    append(app, 0, 0)

    assert kept(app) == [3, 4]
    assert (head(app).position, head(app).lowest) == (4, 3)


def test_zero_days_keeps_everything(app: Flask) -> None:
    append(app, 9999)
    prune(app, keep_days=0)
    assert kept(app) == [1]


def test_nothing_to_prune_changes_nothing(app: Flask) -> None:
    prune(app)
    append(app, 1)
    before = head(app)
    prune(app)
    assert (kept(app), head(app)) == ([1], before)


def test_pruning_goes_on_where_its_batch_ended(app: Flask) -> None:
    append(app, *[9] * 5, 0)
    with app.app_context():
        pruned = [journal.prune(now() - DAY, limit=2) for _ in range(4)]
    assert pruned == [2, 2, 1, 0]
    assert kept(app) == [6]
    assert head(app).lowest == 6


def test_a_key_is_recognised_for_its_time_and_then_forgotten(app: Flask, market: Market) -> None:
    body = basket((market.product(), 1))

    def place() -> str:
        return str(good(market.alice.post("/api/orders", body, key="k"), 201)["id"])

    first = place()
    for age, expected in ((KEYS_KEPT - DAY, True), (KEYS_KEPT + DAY, False)):
        with app.app_context(), transaction() as session:
            session.execute(update(IdempotencyKey).values(created_at=now() - age))
        with app.app_context():
            prune_accounts()
        assert (place() == first) is expected


def test_what_has_expired_goes_and_what_has_not_stays(app: Flask, market: Market) -> None:
    with app.app_context():
        with transaction() as session:
            for expires_at in (now() - DAY, now() + DAY):
                login = {"id": uuid4().hex, "user_id": int(market.alice.id), "refresh_jti": "x"}
                session.add(LoginSession(**login, expires_at=expires_at))
        attempts.count_login("192.0.2.1", "now@example.com")
        attempts.count_login("192.0.2.2", "then@example.com")
        with transaction() as session:
            then = LoginAttempts.address == "192.0.2.2"
            session.execute(update(LoginAttempts).where(then).values(window_start=0))

        prune_accounts()

        assert db.session.scalars(select(LoginSession.expires_at)).one() > now()
        kept = db.session.scalars(select(LoginAttempts.email).order_by(LoginAttempts.email))
        assert set(kept) == {"LOGINS", "now@example.com"}


def test_what_another_journal_left_behind_is_looked_for_without_the_heads_lock(
    app: Flask,
) -> None:
    # It passes over everything that was pruned and is not vacuumed yet, and the sequencer waits.
    done: list[str] = []
    event.listen(db.engine, "commit", lambda _connection: done.append("COMMIT"))

    @event.listens_for(db.engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        done.append(statement)

    journal.prune(now())

    lock = next(n for n, said in enumerate(done) if "ordercast_head" in said)
    first_select = next(
        n
        for n, said in enumerate(done)
        if re.match(r"SELECT ordercast_(events|positions_rest)\.id", said)
    )
    assert "COMMIT" in done[lock:first_select]

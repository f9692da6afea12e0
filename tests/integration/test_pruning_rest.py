"""Pruning beside the journal: what has served its time goes in bounded batches, the rest stays."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Table, func, insert, select, update

from app.accounts import service, sessions, tokens
from app.accounts.attempts import WINDOW_SECONDS
from app.accounts.models import LoginAttempts, LoginSession, User
from app.accounts.tokens import Identity
from app.db import db, now, transaction
from app.extension import cast
from app.http.idempotency import IdempotencyKey
from app.pruning import KEYS_KEPT
from app.pruning import prune_once as prune_accounts
from ordercast import TokenRevoked
from ordercast.inbox.tables import INBOX_IDS
from ordercast.journal.pruning import BATCH_ROWS
from ordercast.revocation.tables import REVOCATIONS
from ordercast.worker.pruning import IDS_KEPT, prune_once
from tests.conftest import PASSWORD
from tests.harness.application.mailbox import Mailbox, drain_once, journalled
from tests.harness.servers.redis import RedisServer

MINUTE = timedelta(minutes=1)
Row = dict[str, Any]


def idempotency_key(number: int, *, old: bool) -> Row:
    written = now() - KEYS_KEPT + (-MINUTE if old else MINUTE)
    return {"scope": "s", "key": str(number), "fingerprint": "f", "created_at": written}


def inbox_id(number: int, *, old: bool) -> Row:
    return {
        "id": f"id:{number}",
        "created_at": now() - IDS_KEPT + (-MINUTE if old else MINUTE),
    }


def revoked(number: int, *, old: bool) -> Row:
    ends = now() + (-MINUTE if old else MINUTE)
    return {"kind": "token", "value": str(number), "revoked_at": now(), "expires_at": ends}


def login(number: int, *, old: bool) -> Row:
    ends = now() + (-MINUTE if old else MINUTE)
    user = db.session.scalar(select(func.min(User.id)))
    return {"id": str(number), "user_id": user, "refresh_jti": "j", "expires_at": ends}


def attempts(number: int, *, old: bool) -> Row:
    start = int(time.time()) - WINDOW_SECONDS + (-60 if old else 60)
    return {"address": "::1", "email": f"{number}@example.com", "window_start": start, "count": 1}


KINDS: dict[Any, Callable[..., Row]] = {
    IdempotencyKey: idempotency_key,
    INBOX_IDS: inbox_id,
    REVOCATIONS: revoked,
    LoginSession: login,
    LoginAttempts: attempts,
}


def prune(app: Flask) -> bool:
    """A step of the library's and one of the marketplace's -> whether there may be more."""
    service = app.extensions["ordercast"]
    return any([prune_once(service.database, service.journal, 0), prune_accounts()])


def name_of(model: Any) -> str:
    return model.name if isinstance(model, Table) else str(model.__tablename__)


def count(model: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize("model", KINDS, ids=name_of)
def test_the_old_go_in_bounded_batches_and_the_young_stay(
    app: Flask, alice: Identity, model: Any
) -> None:
    old, young = 2 * BATCH_ROWS + 1, 3
    rows = [KINDS[model](number, old=number < old) for number in range(old + young)]
    with transaction() as session:
        session.execute(insert(model), rows)
    left = []
    more = True
    while more:
        more = prune(app)
        left.append(count(model))
    assert left == [old + young - BATCH_ROWS, old + young - 2 * BATCH_ROWS, young]


def test_every_kind_is_pruned_in_one_step(app: Flask, alice: Identity) -> None:
    with transaction() as session:
        for model, row in KINDS.items():
            session.execute(insert(model), [row(1, old=True), row(2, old=False)])
    assert prune(app) is False
    assert {name_of(model): count(model) for model in KINDS} == {
        name_of(model): 1 for model in KINDS
    }


def test_a_revocation_without_an_end_stays(app: Flask) -> None:
    cast.revoke(user="7")
    prune(app)
    assert [mark.what for mark, _ in cast.revocations.recent(None)] == [("user", "7")]


def test_a_login_that_was_pruned_cannot_be_refreshed(app: Flask, alice: Identity) -> None:
    _, pair = service.log_in(email="alice@example.com", password=PASSWORD, address="::1")
    with transaction() as session:
        session.query(LoginSession).update({"expires_at": now() - MINUTE})
    prune(app)
    assert count(LoginSession) == 0
    with pytest.raises(TokenRevoked):
        sessions.refresh(tokens.verify(pair.refresh_token, "refresh"))


def test_an_inbox_id_is_recognised_until_it_is_pruned(app: Flask, own_redis: RedisServer) -> None:
    mailbox = Mailbox(own_redis.url)
    for days in (0, 6, 8):
        with transaction() as session:
            session.execute(update(INBOX_IDS).values(created_at=now() - timedelta(days=days)))
        prune(app)
        mailbox.add(f"after {days} days", id="payment-991")
        drain_once(mailbox.redis, mailbox.broker)
    assert journalled() == ["after 0 days", "after 8 days"]
    mailbox.redis.close()

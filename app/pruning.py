"""Pruning of the marketplace's tables: expired rows are deleted a batch at a time."""

import logging
import time
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, tuple_

from app.accounts.attempts import WINDOW_SECONDS
from app.accounts.models import LoginAttempts, LoginSession
from app.db import now, transaction
from app.http.idempotency import IdempotencyKey

logger = logging.getLogger(__name__)
BATCH_ROWS = 1000  # of each kind in one step
KEYS_KEPT = timedelta(days=7)  # time in which a repeated POST gets the first answer


def prune_once() -> bool:
    """Delete a batch of each kind. Returns whether there may be more."""
    counts = {
        "idempotency_keys": _delete(IdempotencyKey, IdempotencyKey.created_at < now() - KEYS_KEPT),
        "sessions": _delete(LoginSession, LoginSession.expires_at < now()),
        "login_attempts": _delete(
            LoginAttempts, LoginAttempts.window_start < int(time.time()) - WINDOW_SECONDS
        ),
    }
    if any(counts.values()):
        logger.info("pruned", extra=counts)
    return max(counts.values()) >= BATCH_ROWS


def _delete(model: type[Any], old: Any) -> int:
    """Delete up to BATCH_ROWS rows that are `old` -> their count."""
    key = list(model.__table__.primary_key)
    with transaction() as session:
        rows = session.execute(select(*key).where(old).limit(BATCH_ROWS)).all()
        if rows:
            session.execute(
                delete(model).where(tuple_(*key).in_([tuple(row) for row in rows]), old)
            )
    return len(rows)

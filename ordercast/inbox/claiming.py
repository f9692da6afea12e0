"""Claiming ids: of all that is sent with an id, one is accepted."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from ordercast.database import upsert
from ordercast.inbox.tables import INBOX_IDS


def key_of(id: str) -> str:
    """The key of a sender's id: never equal to one of the stream's own."""
    return f"id:{id}"


def claim(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Claim the keys that are new, in this transaction -> these keys. In one statement, in this
    order: a second transaction with the same keys waits at the first common one, and claims what
    the first transaction did not."""
    claimed = upsert(connection, INBOX_IDS).on_conflict_do_nothing().returning(INBOX_IDS.c.id)
    moment = datetime.now(UTC)
    rows = [{"id": key, "created_at": moment} for key in keys]
    return set(connection.scalars(claimed.values(rows)))

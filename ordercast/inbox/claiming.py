"""Claiming ids: of all that is sent with an id, one is accepted."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ARRAY, Connection, Text, bindparam, text

from ordercast.database.types import UtcDateTime
from ordercast.inbox.tables import INBOX_IDS

# The keys are one parameter: a statement whose length depends on their number would be compiled,
# parsed and planned anew for each number.
GIVEN = {
    "postgresql": "SELECT key, :moment FROM unnest(:keys) WITH ORDINALITY AS given (key, place)"
    " ORDER BY place",
    "sqlite": "SELECT value, :moment FROM json_each(:keys) WHERE true ORDER BY key",
}
CLAIM = {
    dialect: text(
        f"INSERT INTO {INBOX_IDS.name} (id, created_at) {given} ON CONFLICT DO NOTHING RETURNING id"
    ).bindparams(bindparam("moment", type_=UtcDateTime()))
    for dialect, given in GIVEN.items()
}
CLAIM["postgresql"] = CLAIM["postgresql"].bindparams(bindparam("keys", type_=ARRAY(Text)))


def key_of(id: str) -> str:
    """The key of a sender's id: never equal to one of the stream's own."""
    return f"id:{id}"


def claim(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Claim the keys that are new, in this transaction -> these keys. In one statement, in this
    order: a second transaction with the same keys waits at the first common one, and claims what
    the first transaction did not."""
    dialect = connection.dialect.name
    given: Any = list(keys) if dialect == "postgresql" else orjson.dumps(keys).decode()
    claimed = connection.scalars(CLAIM[dialect], {"keys": given, "moment": datetime.now(UTC)})
    return set(claimed)

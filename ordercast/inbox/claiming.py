"""Claiming ids: of all that is sent with an id, one is accepted."""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
from sqlalchemy import Connection, bindparam, text

from ordercast.database.types import UtcDateTime
from ordercast.inbox.tables import INBOX_IDS

# The keys are one parameter: a statement whose length depends on their number would be compiled,
# parsed and planned anew for each number.
GIVEN = {
    "postgresql": "SELECT key, :moment FROM json_array_elements_text(CAST(:keys AS json))"
    " WITH ORDINALITY AS given (key, place) ORDER BY place",
    "sqlite": "SELECT value, :moment FROM json_each(:keys) WHERE true ORDER BY key",
}
CLAIM = {
    dialect: text(
        f"INSERT INTO {INBOX_IDS.name} (id, created_at) {given} ON CONFLICT DO NOTHING RETURNING id"
    ).bindparams(bindparam("moment", type_=UtcDateTime()))
    for dialect, given in GIVEN.items()
}


def key_of(id: str) -> str:
    """The key of a sender's id: never equal to one of the stream's own."""
    return f"id:{id}"


def claim(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Claim the keys that are new, in this transaction -> these keys. In one statement, in this
    order: a second transaction with the same keys waits at the first common one, and claims what
    the first transaction did not."""
    values = {"keys": orjson.dumps(keys).decode(), "moment": datetime.now(UTC)}
    return set(connection.scalars(CLAIM[connection.dialect.name], values))

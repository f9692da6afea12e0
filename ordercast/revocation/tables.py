"""The table of revocations."""

from sqlalchemy import Column, String, Table

from ordercast.database.metadata import METADATA
from ordercast.database.types import UtcDateTime

REVOCATIONS = Table(
    "ordercast_revocations",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("value", String(255), primary_key=True),
    Column("revoked_at", UtcDateTime, nullable=False, index=True),
    Column("expires_at", UtcDateTime, index=True),  # when it hits nothing any more; NULL: never
    Column("detail", String(16)),  # set by kinds that say more than a value
)

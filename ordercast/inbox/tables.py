"""The inbox's table."""

from sqlalchemy import Column, String, Table

from ordercast.database.metadata import METADATA
from ordercast.database.types import UtcDateTime
from ordercast.inbox.sender import MAX_SENDER_ID_CHARACTERS

# The ids that were accepted; kept as long as a repeat is recognised.
INBOX_IDS = Table(
    "ordercast_inbox_ids",
    METADATA,
    Column("id", String(MAX_SENDER_ID_CHARACTERS + 8), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

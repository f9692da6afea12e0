"""The table of the rooms that clients joined or left after their connect."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table

from ordercast.database.metadata import METADATA
from ordercast.database.types import UtcDateTime
from ordercast.events import MAX_ROOM_CHARACTERS

JOINED = Table(
    "ordercast_joined",
    METADATA,
    Column("client", String(32), primary_key=True),  # a digest of its pid
    # Empty: more than are kept. The index is for close_room(), which has no client.
    Column("room", String(MAX_ROOM_CHARACTERS), primary_key=True, index=True),
    Column("position", BigInteger, nullable=False),  # after which the room's events are owed
    Column("is_joined", Boolean, nullable=False),  # false: left
    Column("from_connect", Boolean, nullable=False),  # one of the rooms that the pid is signed for
    Column("generation", Integer, nullable=False),  # of the client's connections; rises
    Column("issued_at", UtcDateTime, index=True),  # the pid; null: unknown, and never pruned
)

"""The relay's table: which worker journals the emits from outside, and how far it has come."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, String, Table

from ordercast.database.metadata import METADATA

RELAY_ID = 1  # the table has this one row

RELAY = Table(
    "ordercast_relay",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("leader", String(32), default="", nullable=False),  # empty: none
    Column("beat", BigInteger, default=0, nullable=False),  # changes while the leader lives
    # The last message that was journalled: the `number`-th after this mark.
    Column("mark", String(32), default="", nullable=False),
    Column("number", BigInteger, default=0, nullable=False),
    CheckConstraint(f"id = {RELAY_ID}", name="one_row"),
)

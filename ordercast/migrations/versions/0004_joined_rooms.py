"""The rooms that clients join or leave after their connect are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ordercast_joined",
        sa.Column("client", sa.String(length=32), nullable=False),
        sa.Column("room", sa.String(length=255), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("is_joined", sa.Boolean(), nullable=False),
        sa.Column("from_connect", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("client", "room", name="pk_ordercast_joined"),
    )
    op.create_index("ix_ordercast_joined_issued_at", "ordercast_joined", ["issued_at"])
    op.create_index("ix_ordercast_joined_room", "ordercast_joined", ["room"])

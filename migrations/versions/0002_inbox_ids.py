"""The ids of what came through the inbox, so that a repeat is harmless."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox_ids",
        sa.Column("id", sa.String(length=208), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbox_ids"),
    )
    op.create_index("ix_inbox_ids_created_at", "inbox_ids", ["created_at"])


def downgrade() -> None:
    op.drop_table("inbox_ids")

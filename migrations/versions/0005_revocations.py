"""Revocations by time, which every web process asks for each second, and what they say beyond."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("revocations", sa.Column("detail", sa.String(length=16), nullable=True))
    op.create_index("ix_revocations_revoked_at", "revocations", ["revoked_at"])


def downgrade() -> None:
    op.drop_index("ix_revocations_revoked_at", table_name="revocations")
    op.drop_column("revocations", "detail")

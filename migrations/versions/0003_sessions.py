"""What a session remembers of its last exchange, so that a lost answer can be given again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nullable: the release before this one goes on writing sessions during an upgrade.
    op.add_column("sessions", sa.Column("previous_jti", sa.String(length=36), nullable=True))
    op.add_column("sessions", sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "issued_at")
    op.drop_column("sessions", "previous_jti")

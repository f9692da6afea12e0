"""Which worker journals the emits of external scripts, and how far it has come."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "ordercast_relay",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leader", sa.String(length=32), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ordercast_relay_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_ordercast_relay"),
    )
    op.bulk_insert(table, [{"id": 1, "leader": "", "beat": 0, "mark": "", "number": 0}])

"""Each move of an order is kept: to which status, when and by whom.

Of the moves before, the latest of each order is known, without its mover.
"""

import sqlalchemy as sa
from alembic import op

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_moves",
        sa.Column("order_id", BigId, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mover", sa.String(16), nullable=True),
        sa.Column("user_id", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_moves_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("order_id", "version", name=op.f("pk_order_moves")),
    )
    op.execute(
        "INSERT INTO order_moves (order_id, version, status, created_at)"
        " SELECT id, version, status, updated_at FROM orders WHERE version > 1"
    )


def downgrade() -> None:
    op.drop_table("order_moves")

"""Products can be hidden, and have a picture."""

import sqlalchemy as sa
from alembic import op

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "products", sa.Column("hidden", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("products", sa.Column("picture_tag", sa.String(16), nullable=True))
    op.create_table(
        "product_pictures",
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("content_type", sa.String(32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_product_pictures_product_id_products")
        ),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_product_pictures")),
    )


def downgrade() -> None:
    op.drop_table("product_pictures")
    op.drop_column("products", "picture_tag")
    op.drop_column("products", "hidden")

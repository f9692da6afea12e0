"""The data of an event is JSON, by the database's word; what cannot be delivered is kept apart.

Rows of before are not looked at: one that is none must not stop the migration, and looking through
a large table takes long. So PostgreSQL's constraint is not valid for them, and on SQLite, where a
constraint means a copy of the table, there are triggers. PostgreSQL checks a constraint at every
change of a row: one that waits for its position, and is no JSON, must get it all the same.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENTS = {"insert": "INSERT", "update": "UPDATE OF data"}


def upgrade() -> None:
    op.create_table(
        "events_set_aside",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_events_set_aside"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_check_constraint(
            op.f("ck_events_data_is_json"),
            "events",
            "position IS NOT NULL OR data::json IS NOT NULL",
            postgresql_not_valid=True,
        )
        return
    for name, moment in MOMENTS.items():
        op.execute(
            f"CREATE TRIGGER events_data_is_json_{name} BEFORE {moment} ON events "
            "WHEN NOT json_valid(NEW.data) "
            "BEGIN SELECT RAISE(ABORT, 'events.data is not JSON'); END"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_events_data_is_json"), "events", type_="check")
    else:
        for name in MOMENTS:
            op.execute(f"DROP TRIGGER events_data_is_json_{name}")
    op.drop_table("events_set_aside")

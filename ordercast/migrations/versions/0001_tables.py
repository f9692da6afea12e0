"""The first tables: the journal, the ids of the inbox, revocations."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Moment = sa.DateTime(timezone=True)
NOW = {
    "postgresql": "clock_timestamp()",
    "sqlite": "(strftime('%Y-%m-%d %H:%M:%f000', 'now'))",  # microseconds, as SQLAlchemy writes
}
# JSON is checked when a row is written, and not when it gets its position: a row that is none and
# was written before the check would stop the sequencer.
DATA_IS_JSON = {
    "postgresql": (
        "ALTER TABLE ordercast_events ADD CONSTRAINT ck_ordercast_events_data_is_json"
        " CHECK (position IS NOT NULL OR data::json IS NOT NULL) NOT VALID",
    ),
    "sqlite": tuple(
        f"CREATE TRIGGER ordercast_events_data_is_json_{name} BEFORE {moment} ON ordercast_events"
        " WHEN NOT json_valid(NEW.data)"
        " BEGIN SELECT RAISE(ABORT, 'ordercast_events.data is not JSON'); END"
        for name, moment in (("insert", "INSERT"), ("update", "UPDATE OF data"))
    ),
}


def upgrade() -> None:
    refuse_earlier_release()
    dialect = op.get_bind().dialect.name
    create_events(dialect)
    create_head()
    op.create_table(
        "ordercast_set_aside",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_ordercast_set_aside"),
    )
    op.create_table(
        "ordercast_inbox_ids",
        sa.Column("id", sa.String(length=208), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ordercast_inbox_ids"),
    )
    op.create_index("ix_ordercast_inbox_ids_created_at", "ordercast_inbox_ids", ["created_at"])
    op.create_table(
        "ordercast_revocations",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("revoked_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=True),
        sa.Column("detail", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("kind", "value", name="pk_ordercast_revocations"),
    )
    for column in ("expires_at", "revoked_at"):
        op.create_index(f"ix_ordercast_revocations_{column}", "ordercast_revocations", [column])


def refuse_earlier_release() -> None:
    """Refuse a database with an earlier release's journal: a second one would begin at 1."""
    inspector = sa.inspect(op.get_bind())
    if inspector.has_table("journal_head") and {"journal", "lowest"} <= {
        column["name"] for column in inspector.get_columns("journal_head")
    }:
        raise CommandError(
            "this database has the journal of a release whose tables were not yet named"
            " ordercast_*: `flask db upgrade` renames them"
        )


def create_events(dialect: str) -> None:
    op.create_table(
        "ordercast_events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("room", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created_at", Moment, server_default=sa.text(NOW[dialect]), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_ordercast_events"),
        sa.UniqueConstraint("position", name="uq_ordercast_events_position"),
    )
    op.create_index("ix_ordercast_events_room_position", "ordercast_events", ["room", "position"])
    for name, column, where in (
        ("ix_ordercast_events_unsequenced", "id", sa.text("position IS NULL")),
        ("ix_ordercast_events_key", "key", sa.text("key IS NOT NULL")),
    ):
        op.create_index(
            name, "ordercast_events", [column], sqlite_where=where, postgresql_where=where
        )
    for statement in DATA_IS_JSON[dialect]:
        op.execute(statement)


def create_head() -> None:
    """Make the head's one row, with a unique name of the journal."""
    table = op.create_table(
        "ordercast_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("lowest", sa.BigInteger(), nullable=False),
        sa.Column("journal", sa.String(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ordercast_head_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_ordercast_head"),
    )
    op.bulk_insert(table, [{"id": 1, "position": 0, "lowest": 1, "journal": uuid4().hex}])

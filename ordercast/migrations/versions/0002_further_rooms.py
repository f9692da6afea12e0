"""An event may go to several rooms.

The table of positions is written by the database when an event gets its position, whichever
release's sequencer gives it. So a worker of the release before leaves no event out.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# PostgreSQL: an open report must not make the upgrade, and every append behind it, wait for long.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"

# Only rooms that fit into the table: a row that another program wrote must not stop the sequencer.
FURTHER_ROOMS = {
    "postgresql": (
        "CREATE OR REPLACE FUNCTION ordercast_further_rooms() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN"
        " INSERT INTO ordercast_further_rooms (room, position)"
        " SELECT room, NEW.position FROM unnest(NEW.further_rooms) AS room"
        " WHERE length(room) BETWEEN 1 AND 255"
        " ON CONFLICT DO NOTHING;"
        " RETURN NULL;"
        " END $$",
        "CREATE TRIGGER ordercast_events_further_rooms AFTER UPDATE OF position ON ordercast_events"
        " FOR EACH ROW WHEN (NEW.position IS NOT NULL AND NEW.further_rooms IS NOT NULL)"
        " EXECUTE FUNCTION ordercast_further_rooms()",
    ),
    "sqlite": (
        "CREATE TRIGGER ordercast_events_further_rooms AFTER UPDATE OF position ON ordercast_events"
        " WHEN NEW.position IS NOT NULL AND json_valid(NEW.further_rooms)"
        " BEGIN"
        " INSERT OR IGNORE INTO ordercast_further_rooms (room, position)"
        " SELECT value, NEW.position FROM json_each(NEW.further_rooms)"
        " WHERE type = 'text' AND length(value) BETWEEN 1 AND 255;"
        " END",
    ),
}


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(LOCK_TIMEOUT)
    rooms = sa.ARRAY(sa.Text()).with_variant(sa.Text(), "sqlite")  # there a JSON array
    op.add_column("ordercast_events", sa.Column("further_rooms", rooms, nullable=True))
    op.create_table(
        "ordercast_further_rooms",
        sa.Column("room", sa.String(length=255), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("room", "position", name="pk_ordercast_further_rooms"),
    )
    op.create_index("ix_ordercast_further_rooms_position", "ordercast_further_rooms", ["position"])
    for statement in FURTHER_ROOMS[dialect]:
        op.execute(statement)

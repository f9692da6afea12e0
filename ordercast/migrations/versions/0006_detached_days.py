"""PostgreSQL: a day's tables are detached first, and dropped in a transaction of their own.

The commit that drops a table waits for the disk, before it releases its locks: every writer waited
behind it, longer the busier the disk. A detached day is dropped without a lock that writers need.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Behind the lock nothing of the day can begin to wait, or get a position. The commit of a detached
# day does not wait for the disk: if it is lost in a crash, the day is there, and is detached again.
DROP_DAY = """
CREATE OR REPLACE FUNCTION ordercast_drop_day(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
  entries text := 'ordercast_entries_' || to_char(day, 'YYYYMMDD');
  positions text := 'ordercast_positions_' || to_char(day, 'YYYYMMDD');
  is_kept boolean;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(positions)) THEN
    EXECUTE format('DROP TABLE IF EXISTS %I, %I', entries, positions);
    RETURN true;
  END IF;
  LOCK TABLE ONLY ordercast_entries, ONLY ordercast_positions IN ACCESS EXCLUSIVE MODE;
  IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(positions)) THEN
    RETURN false;
  END IF;
  EXECUTE format('SELECT max(position) >= (SELECT lowest FROM ordercast_head) FROM %I',
    positions) INTO is_kept;
  IF is_kept OR EXISTS (
    SELECT FROM ordercast_waiting
    WHERE created_at < (day + 1)::timestamp AT TIME ZONE 'UTC'
  ) THEN
    RETURN false;
  END IF;
  EXECUTE format('ALTER TABLE ordercast_entries DETACH PARTITION %I', entries);
  EXECUTE format('ALTER TABLE ordercast_positions DETACH PARTITION %I', positions);
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN true;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return  # SQLite has no days
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.execute(sa.text(DROP_DAY.replace("{schema}", schema).replace(":", r"\:")))

"""PostgreSQL: events in a partition for each day, their positions apart from their payloads.

The table `ordercast_events` becomes a view of three tables. An event is one row of
`ordercast_entries`, which is never written again, and its id is in `ordercast_waiting` until its
position is a row of `ordercast_positions`. Entries and positions have a partition for each day, by
the time when the event was written, and one for all other times. Days are added ahead and dropped
by functions that the worker calls.

What programs do with `ordercast_events` goes on: INSERT with RETURNING, UPDATE and DELETE are
triggers. So a worker of the release before works with it too, and privileges are carried over.

The old table becomes one partition, up to the end of the day of the upgrade; its payloads are not
copied. Everything waits meanwhile: docs/operations.md has the time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# An open report must not make the upgrade, and every append behind it, wait for long.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"
LOCK = "LOCK TABLE ordercast_events IN ACCESS EXCLUSIVE MODE"
NAMES = "'connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'"

# What waits comes and goes: a table that vacuum has made small would be planned to be read whole,
# and would grow before the next plan.
TABLES = (
    """
CREATE TABLE ordercast_entries (
  id bigint NOT NULL DEFAULT nextval('ordercast_events_id_seq'),
  room varchar(255) NOT NULL,
  name varchar(255) NOT NULL,
  data text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  request_id text,
  key text,
  further_rooms text[]
) PARTITION BY RANGE (created_at)
""",
    """
CREATE TABLE ordercast_positions (
  position bigint NOT NULL,
  id bigint NOT NULL,
  created_at timestamptz NOT NULL,
  room varchar(255) NOT NULL
) PARTITION BY RANGE (created_at)
""",
    """
CREATE TABLE ordercast_waiting (
  id bigint CONSTRAINT pk_ordercast_waiting PRIMARY KEY,
  created_at timestamptz NOT NULL,
  room varchar(255) NOT NULL
) WITH (vacuum_truncate = off)
""",
)

# A row is checked when it is written. Old rows that a check would refuse stay.
CHECKS = (
    "ALTER TABLE ordercast_entries ADD CONSTRAINT ck_ordercast_entries_data_is_json"
    " CHECK (data::json IS NOT NULL) NOT VALID",
    "ALTER TABLE ordercast_entries ADD CONSTRAINT ck_ordercast_entries_can_be_sent CHECK"
    f" (room <> '' AND name <> '' AND (name NOT IN ({NAMES}) OR room = 'control')) NOT VALID",
)

# The statement's trigger costs the same for one row and for a thousand.
WAIT = """
CREATE OR REPLACE FUNCTION ordercast_wait() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
  INSERT INTO ordercast_waiting (id, created_at, room) SELECT id, created_at, room FROM fresh;
  RETURN NULL;
END $$
"""
WAIT_TRIGGER = """
CREATE TRIGGER ordercast_entries_wait AFTER INSERT ON ordercast_entries
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ordercast_wait()
"""

# A position is given once: by the head's lock, and in a partition by its index.
INDEX = """
CREATE OR REPLACE FUNCTION ordercast_index_day(suffix text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  entries text := 'ordercast_entries_' || suffix;
  positions text := 'ordercast_positions_' || suffix;
BEGIN
  EXECUTE format('CREATE UNIQUE INDEX %I ON %I (id)', 'ux_' || entries || '_id', entries);
  EXECUTE format('CREATE INDEX %I ON %I (key) WHERE key IS NOT NULL',
    'ix_' || entries || '_key', entries);
  EXECUTE format('CREATE UNIQUE INDEX %I ON %I (position)',
    'ux_' || positions || '_position', positions);
  EXECUTE format('CREATE INDEX %I ON %I (room, position)',
    'ix_' || positions || '_room_position', positions);
  EXECUTE format('CREATE INDEX %I ON %I (id)', 'ix_' || positions || '_id', positions);
END $$
"""

REST = (
    "CREATE TABLE ordercast_entries_rest PARTITION OF ordercast_entries DEFAULT",
    "CREATE TABLE ordercast_positions_rest PARTITION OF ordercast_positions DEFAULT",
    "SELECT ordercast_index_day('rest')",
)

# Made beside the table and attached: that locks neither writers nor, but for the partition of all
# other times, readers.
ADD_DAY = """
CREATE OR REPLACE FUNCTION ordercast_add_day(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
  suffix text := to_char(day, 'YYYYMMDD');
  parent text;
BEGIN
  IF to_regclass('ordercast_positions_' || suffix) IS NOT NULL THEN
    RETURN false;
  END IF;
  FOREACH parent IN ARRAY ARRAY['ordercast_entries', 'ordercast_positions'] LOOP
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
      parent || '_' || suffix, parent);
  END LOOP;
  PERFORM ordercast_index_day(suffix);
  FOREACH parent IN ARRAY ARRAY['ordercast_entries', 'ordercast_positions'] LOOP
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
      parent, parent || '_' || suffix, to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00',
      to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
  END LOOP;
  RETURN true;
END $$
"""

# Behind the lock nothing of the day can begin to wait, or get a position.
DROP_DAY = """
CREATE OR REPLACE FUNCTION ordercast_drop_day(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
  suffix text := to_char(day, 'YYYYMMDD');
  is_kept boolean;
BEGIN
  LOCK TABLE ONLY ordercast_entries, ONLY ordercast_positions IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('SELECT max(position) >= (SELECT lowest FROM ordercast_head) FROM %I',
    'ordercast_positions_' || suffix) INTO is_kept;
  IF is_kept OR EXISTS (
    SELECT FROM ordercast_waiting
    WHERE created_at < (day + 1)::timestamp AT TIME ZONE 'UTC'
  ) THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP TABLE %I, %I',
    'ordercast_entries_' || suffix, 'ordercast_positions_' || suffix);
  RETURN true;
END $$
"""

VIEW = """
CREATE VIEW ordercast_events AS
SELECT given.id, given.room, entry.name, entry.data, given.created_at, given.position,
       entry.request_id, entry.key, entry.further_rooms
FROM (
  SELECT id, created_at, room, position FROM ordercast_positions
  UNION ALL
  SELECT id, created_at, room, NULL::bigint FROM ordercast_waiting
) AS given
JOIN ordercast_entries AS entry ON entry.id = given.id AND entry.created_at = given.created_at
"""

WRITE = """
CREATE OR REPLACE FUNCTION ordercast_write_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.id, NEW.room, NEW.name, NEW.data, NEW.created_at, NEW.request_id,
      NEW.key, NEW.further_rooms) IS NOT DISTINCT FROM (OLD.id, OLD.room, OLD.name, OLD.data,
      OLD.created_at, OLD.request_id, OLD.key, OLD.further_rooms) THEN
    IF NEW.position IS DISTINCT FROM OLD.position THEN
      PERFORM ordercast_place(NEW.id, NEW.created_at, NEW.room, NEW.further_rooms, NEW.position);
    END IF;
    RETURN NEW;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM ordercast_entries WHERE id = OLD.id AND created_at = OLD.created_at;
    DELETE FROM ordercast_waiting WHERE id = OLD.id;
    DELETE FROM ordercast_positions WHERE id = OLD.id AND created_at = OLD.created_at;
    IF TG_OP = 'DELETE' THEN
      RETURN OLD;
    END IF;
  END IF;
  INSERT INTO ordercast_entries (id, room, name, data, created_at, request_id, key, further_rooms)
    VALUES (coalesce(NEW.id, nextval('ordercast_events_id_seq')), NEW.room, NEW.name, NEW.data,
      coalesce(NEW.created_at, clock_timestamp()), NEW.request_id, NEW.key, NEW.further_rooms)
    RETURNING id, created_at INTO NEW.id, NEW.created_at;
  IF NEW.position IS NOT NULL THEN
    PERFORM ordercast_place(NEW.id, NEW.created_at, NEW.room, NEW.further_rooms, NEW.position);
  END IF;
  RETURN NEW;
END $$
"""

# Only rooms that fit into the table: a row that another program wrote must not stop the sequencer.
PLACE = """
CREATE OR REPLACE FUNCTION ordercast_place(
  event_id bigint, written_at timestamptz, event_room text, rooms text[], event_position bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM ordercast_waiting WHERE id = event_id;
  DELETE FROM ordercast_positions WHERE id = event_id AND created_at = written_at;
  IF event_position IS NULL THEN
    INSERT INTO ordercast_waiting VALUES (event_id, written_at, event_room);
    RETURN;
  END IF;
  INSERT INTO ordercast_positions (position, id, created_at, room)
    VALUES (event_position, event_id, written_at, event_room);
  INSERT INTO ordercast_further_rooms (room, position)
    SELECT room, event_position FROM unnest(rooms) AS room WHERE length(room) BETWEEN 1 AND 255
    ON CONFLICT DO NOTHING;
END $$
"""
WRITE_TRIGGER = """
CREATE TRIGGER ordercast_events_write INSTEAD OF INSERT OR UPDATE OR DELETE ON ordercast_events
FOR EACH ROW EXECUTE FUNCTION ordercast_write_event()
"""
FUNCTIONS = (
    "ordercast_wait()",
    "ordercast_index_day(text)",
    "ordercast_add_day(date)",
    "ordercast_drop_day(date)",
    "ordercast_write_event()",
    "ordercast_place(bigint, timestamptz, text, text[], bigint)",
)

# The privileges that a team has granted on the table, for all of it or for columns.
GRANTS = """
DO $$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT acl.privilege_type || coalesce(' (' || quote_ident(acl.attname) || ')', '') AS privilege,
      CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
        AS role, CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    FROM (
      SELECT NULL::name AS attname, exploded.* FROM pg_class, aclexplode(relacl) AS exploded
        WHERE pg_class.oid = 'ordercast_events_before'::regclass
      UNION ALL
      SELECT attname, exploded.* FROM pg_attribute, aclexplode(attacl) AS exploded
        WHERE attrelid = 'ordercast_events_before'::regclass
    ) AS acl
    WHERE acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    AND acl.grantee <> (SELECT relowner FROM pg_class
      WHERE oid = 'ordercast_events_before'::regclass)
  LOOP
    EXECUTE 'GRANT ' || given.privilege || ' ON ordercast_events TO ' || given.role
      || given.option;
  END LOOP;
END $$
"""

# What was written before. An event whose time is in the future is moved: its day is not over.
ROWS = """
DO $$
DECLARE
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  suffix text := to_char(today, 'YYYYMMDD');
  midnight timestamptz := (today + 1)::timestamp AT TIME ZONE 'UTC';
  old text;
BEGIN
  IF NOT EXISTS (SELECT FROM ordercast_events_before) THEN
    DROP TABLE ordercast_events_before;
    RETURN;
  END IF;
  INSERT INTO ordercast_waiting (id, created_at, room)
    SELECT id, created_at, room FROM ordercast_events_before WHERE position IS NULL;
  EXECUTE format('CREATE TABLE %I (LIKE ordercast_positions)', 'ordercast_positions_' || suffix);
  EXECUTE format('INSERT INTO %I SELECT position, id, created_at, room'
    ' FROM ordercast_events_before WHERE position IS NOT NULL AND created_at < %L',
    'ordercast_positions_' || suffix, midnight);
  INSERT INTO ordercast_positions_rest SELECT position, id, created_at, room
    FROM ordercast_events_before WHERE position IS NOT NULL AND created_at >= midnight;
  INSERT INTO ordercast_entries_rest
    SELECT id, room, name, data, created_at, request_id, key, further_rooms
    FROM ordercast_events_before WHERE created_at >= midnight;
  DELETE FROM ordercast_events_before WHERE created_at >= midnight;
  DROP TRIGGER ordercast_events_further_rooms ON ordercast_events_before;
  FOR old IN SELECT conname FROM pg_constraint
    WHERE conrelid = 'ordercast_events_before'::regclass AND contype IN ('c', 'p', 'u')
  LOOP
    EXECUTE format('ALTER TABLE ordercast_events_before DROP CONSTRAINT %I', old);
  END LOOP;
  ALTER TABLE ordercast_events_before DROP COLUMN position;
  DROP INDEX ix_ordercast_events_key;
  EXECUTE format('ALTER TABLE ordercast_events_before RENAME TO %I',
    'ordercast_entries_' || suffix);
  PERFORM ordercast_index_day(suffix);
  EXECUTE format('ALTER TABLE ordercast_entries ATTACH PARTITION %I FOR VALUES'
    ' FROM (MINVALUE) TO (%L)', 'ordercast_entries_' || suffix, midnight);
  EXECUTE format('ALTER TABLE ordercast_positions ATTACH PARTITION %I FOR VALUES'
    ' FROM (MINVALUE) TO (%L)', 'ordercast_positions_' || suffix, midnight);
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return  # SQLite has one table, and one writer
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    functions = (WAIT, INDEX, ADD_DAY, DROP_DAY, PLACE, WRITE)
    statements = (
        LOCK_TIMEOUT,
        LOCK,
        "ALTER TABLE ordercast_events RENAME TO ordercast_events_before",
        *TABLES,
        *(function.replace("{schema}", schema) for function in functions),
        *(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC" for signature in FUNCTIONS),
        *REST,
        "ALTER SEQUENCE ordercast_events_id_seq OWNED BY ordercast_entries_rest.id",
        VIEW,
        GRANTS,
        ROWS,
        *CHECKS,
        WAIT_TRIGGER,
        WRITE_TRIGGER,
        "DROP FUNCTION ordercast_further_rooms()",
    )
    for statement in statements:
        op.execute(sa.text(statement.replace(":", r"\:")))

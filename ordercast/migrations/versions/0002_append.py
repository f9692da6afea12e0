"""Events of several rooms, and events that any program writes.

The positions that further rooms got are written by the database when an event gets its position,
whichever release's sequencer gives it. So a worker of the release before leaves no room out.

On PostgreSQL `ordercast_append()` writes an event. It runs as the tables' owner, so that a role
needs no more than EXECUTE, which nobody has by default.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# PostgreSQL: an open report must not make the upgrade, and every append behind it, wait for long.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"

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


# Names at which a client closes its connection, and texts that no event has. Old rows are not
# checked, and no row when it gets its position: they must not stop the sequencer.
NAMES = "'connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'"
CAN_BE = (
    "ordercast_events must have a room and a name of 1 to 255 characters, and no name that clients"
    " reserve"
)
CAN_BE_SENT = {
    "postgresql": (
        "ALTER TABLE ordercast_events ADD CONSTRAINT ck_ordercast_events_can_be_sent CHECK"
        " (position IS NOT NULL OR (room <> '' AND name <> ''"
        f" AND (name NOT IN ({NAMES}) OR room = 'control')))"
        " NOT VALID",
    ),
    "sqlite": tuple(
        f"CREATE TRIGGER ordercast_events_can_be_sent_{name} BEFORE {moment} ON ordercast_events"
        " WHEN NOT (typeof(NEW.room) = 'text' AND length(NEW.room) BETWEEN 1 AND 255"
        " AND instr(NEW.room, char(0)) = 0 AND typeof(NEW.name) = 'text'"
        " AND length(NEW.name) BETWEEN 1 AND 255 AND instr(NEW.name, char(0)) = 0"
        f" AND (NEW.name NOT IN ({NAMES}) OR NEW.room = 'control'))"
        f" BEGIN SELECT RAISE(ABORT, '{CAN_BE}'); END"
        for name, moment in (("insert", "INSERT"), ("update", "UPDATE OF room, name"))
    ),
}

# The rules are those of append() in the library. NOTIFY wakes the worker, which polls as well.
WRITE = f"""
CREATE OR REPLACE FUNCTION ordercast_write(rooms text[], name text, data text, key text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  room text;
BEGIN
  rooms := ARRAY(SELECT unnest(rooms));
  IF cardinality(rooms) NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'ordercast_append: an event goes to 1 to 1000 rooms, not to %',
      cardinality(rooms) USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOREACH room IN ARRAY rooms LOOP
    IF room IS NULL OR room !~ '^[^[:cntrl:]]{{1,255}}$' THEN
      RAISE EXCEPTION 'ordercast_append: a room has 1 to 255 printable characters: %',
        quote_nullable(left(room, 250)) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF room = 'control' THEN
      RAISE EXCEPTION 'ordercast_append: the room ''control'' is the service''s own'
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
  END LOOP;
  IF name IS NULL OR name !~ '^[^[:cntrl:]]{{1,255}}$' THEN
    RAISE EXCEPTION 'ordercast_append: an event''s name has 1 to 255 printable characters: %',
      quote_nullable(left(name, 250)) USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF name IN ({NAMES}) THEN
    RAISE EXCEPTION 'ordercast_append: no client receives an event named %', name
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF data IS NULL THEN
    RAISE EXCEPTION 'ordercast_append: data is JSON, not NULL'
      USING ERRCODE = 'null_value_not_allowed';
  END IF;
  PERFORM data::json;
  INSERT INTO ordercast_events (room, name, data, key, further_rooms)
    VALUES (rooms[1], name, data, key, nullif(rooms[2:], '{{}}'));
  PERFORM pg_notify('ordercast_events', '');
END $$
"""  # noqa: S608, names
# Of every type that a caller's expression may have: json and jsonb are not cast to text unasked.
APPEND = """
CREATE OR REPLACE FUNCTION ordercast_append(
  {argument} {rooms}, name text, data {data}, key text DEFAULT NULL
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = {schema}, pg_temp
AS $$ SELECT ordercast_write({array}, $2, $3::text, $4) $$
"""
SIGNATURES = (
    {"argument": argument, "rooms": rooms, "array": array, "data": data}
    for argument, rooms, array in (("room", "text", "ARRAY[$1]"), ("rooms", "text[]", "$1"))
    for data in ("text", "json", "jsonb")
)


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
    for statement in CAN_BE_SENT[dialect]:
        op.execute(statement)
    if dialect == "postgresql":
        create_append()


def create_append() -> None:
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.execute(sa.text(WRITE.replace(":", r"\:")))
    op.execute("REVOKE ALL ON FUNCTION ordercast_write FROM PUBLIC")
    for types in SIGNATURES:
        op.execute(sa.text(APPEND.format(schema=schema, **types).replace(":", r"\:")))
        signature = f"{types['rooms']}, text, {types['data']}, text"
        op.execute(f"REVOKE ALL ON FUNCTION ordercast_append({signature}) FROM PUBLIC")

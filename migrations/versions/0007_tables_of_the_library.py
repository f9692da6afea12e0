"""The library's tables are named ordercast_*, and have migrations of their own from here on.

Renamed in place, with their constraints, indexes and triggers: nothing is copied. Afterwards they
are what the library's revision 0001 makes, and `ordercast_version` says so.

SQLite renames tables alone. The names of its constraints and indexes, and the default of a column,
are text in its schema, which may be written where nothing that is stored changes
(https://www.sqlite.org/lang_altertable.html, section 7).
"""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LIBRARY_REVISION = "0001"
# The library's revisions after it, which are taken back with this one.
APPEND, RELAY, JOINED_ROOMS, PARTITIONS, DETACHED_DAYS = "0002", "0003", "0004", "0005", "0006"
KNOWN = (LIBRARY_REVISION, APPEND, RELAY, JOINED_ROOMS, PARTITIONS, DETACHED_DAYS)
NAMES = {  # before: now
    "events": "ordercast_events",
    "events_set_aside": "ordercast_set_aside",
    "journal_head": "ordercast_head",
    "inbox_ids": "ordercast_inbox_ids",
    "revocations": "ordercast_revocations",
}
NOW = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"  # of SQLite, to microseconds, as SQLAlchemy writes
WITHOUT_DEFAULT = "created_at DATETIME NOT NULL"
WITH_DEFAULT = f"created_at DATETIME DEFAULT ({NOW}) NOT NULL"
CHECKED = {"insert": "INSERT", "update": "UPDATE OF data"}  # SQLite's triggers

# Of PostgreSQL. From version 18 on a NOT NULL is a constraint with a name as well.
RENAME = """
DO $$
DECLARE
  found record;
BEGIN
  ALTER TABLE {old} RENAME TO {new};
  FOR found IN SELECT relname AS name FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = '{new}'::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
  LOOP
    EXECUTE 'ALTER INDEX ' || quote_ident(found.name)
      || ' RENAME TO ' || quote_ident(replace(found.name, '{old}', '{new}'));
  END LOOP;
  FOR found IN SELECT conname AS name FROM pg_constraint WHERE conrelid = '{new}'::regclass
  LOOP
    EXECUTE 'ALTER TABLE {new} RENAME CONSTRAINT ' || quote_ident(found.name)
      || ' TO ' || quote_ident(replace(found.name, '{old}', '{new}'));
  END LOOP;
END $$
"""

DROP_FUNCTIONS = """
DO $$
DECLARE
  found record;
BEGIN
  FOR found IN SELECT oid::regprocedure AS signature FROM pg_proc
    WHERE proname IN ('ordercast_append', 'ordercast_write', 'ordercast_further_rooms')
    AND pronamespace = current_schema()::regnamespace
  LOOP
    EXECUTE 'DROP FUNCTION ' || found.signature;
  END LOOP;
END $$
"""

# Of PostgreSQL: the events are one table again, with a copy of every row, as the library's revision
# 0001 has it, and the column that revision 0002 has added.
ONE_TABLE = (
    "ALTER SEQUENCE ordercast_events_id_seq OWNED BY NONE",
    "ALTER VIEW ordercast_events RENAME TO ordercast_before",
    "CREATE TABLE ordercast_events (id bigint NOT NULL DEFAULT nextval('ordercast_events_id_seq'),"
    " room varchar(255) NOT NULL, name varchar(255) NOT NULL, data text NOT NULL,"
    " created_at timestamptz NOT NULL DEFAULT clock_timestamp(), position bigint, request_id text,"
    " key text, further_rooms text[])",
    "INSERT INTO ordercast_events SELECT id, room, name, data, created_at, position, request_id,"
    " key, further_rooms FROM ordercast_before",
    "DROP VIEW ordercast_before",
    "DROP TABLE ordercast_entries, ordercast_positions, ordercast_waiting",
    "DO $$ DECLARE detached text; BEGIN FOR detached IN SELECT relname FROM pg_class"
    " WHERE relkind = 'r' AND pg_table_is_visible(oid)"
    " AND relname ~ '^ordercast_(entries|positions)_[0-9]{8}$'"
    " LOOP EXECUTE format('DROP TABLE %I', detached); END LOOP; END $$",
    "DROP FUNCTION ordercast_wait(), ordercast_index_day(text), ordercast_add_day(date),"
    " ordercast_drop_day(date), ordercast_write_event(),"
    " ordercast_place(bigint, timestamptz, text, text[], bigint)",
    "ALTER SEQUENCE ordercast_events_id_seq OWNED BY ordercast_events.id",
    "ALTER TABLE ordercast_events ADD CONSTRAINT pk_ordercast_events PRIMARY KEY (id),"
    " ADD CONSTRAINT uq_ordercast_events_position UNIQUE (position)",
    "CREATE INDEX ix_ordercast_events_room_position ON ordercast_events (room, position)",
    "CREATE INDEX ix_ordercast_events_unsequenced ON ordercast_events (id) WHERE position IS NULL",
    "CREATE INDEX ix_ordercast_events_key ON ordercast_events (key) WHERE key IS NOT NULL",
    "ALTER TABLE ordercast_events ADD CONSTRAINT ck_ordercast_events_data_is_json"
    " CHECK (position IS NOT NULL OR data::json IS NOT NULL) NOT VALID",
)


def upgrade() -> None:
    if has_table("ordercast_events"):
        drop_unused()
        return
    if is_sqlite():
        drop_triggers("events")
    rename(NAMES)
    for column in ("request_id", "key"):
        op.add_column("ordercast_events", sa.Column(column, sa.Text(), nullable=True))
    if is_sqlite():
        write_schema(
            "ordercast_events", f"replace(sql, {quoted(WITHOUT_DEFAULT)}, {quoted(WITH_DEFAULT)})"
        )
        create_triggers("ordercast_events")
    else:
        op.execute("ALTER SEQUENCE IF EXISTS events_id_seq RENAME TO ordercast_events_id_seq")
        op.execute(
            "ALTER TABLE ordercast_events ALTER COLUMN created_at SET DEFAULT clock_timestamp()"
        )
    has_key = sa.text("key IS NOT NULL")
    op.create_index(
        "ix_ordercast_events_key",
        "ordercast_events",
        ["key"],
        sqlite_where=has_key,
        postgresql_where=has_key,
    )
    version = op.create_table(
        "ordercast_version",
        sa.Column("version_num", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("version_num", name="ordercast_version_pkc"),
    )
    op.bulk_insert(version, [{"version_num": LIBRARY_REVISION}])


def downgrade() -> None:
    """The request ids, the keys and the further rooms of events are lost, and the rooms that
    clients joined late."""
    revision = LIBRARY_REVISION if op.get_context().as_sql else library_revision()
    if revision >= PARTITIONS and not is_sqlite():
        for statement in ONE_TABLE:
            op.execute(statement)
    if revision >= JOINED_ROOMS:
        op.drop_table("ordercast_joined")
    if revision >= RELAY:
        op.drop_table("ordercast_relay")
    if revision != LIBRARY_REVISION:
        take_back_append()
    op.drop_table("ordercast_version")
    op.drop_index("ix_ordercast_events_key", table_name="ordercast_events")
    if is_sqlite():
        drop_triggers("ordercast_events")
    for column in ("request_id", "key"):
        op.drop_column("ordercast_events", column)
    if is_sqlite():
        write_schema(
            "ordercast_events", f"replace(sql, {quoted(WITH_DEFAULT)}, {quoted(WITHOUT_DEFAULT)})"
        )
    else:
        op.execute("ALTER TABLE ordercast_events ALTER COLUMN created_at DROP DEFAULT")
        op.execute("ALTER SEQUENCE IF EXISTS ordercast_events_id_seq RENAME TO events_id_seq")
    rename({new: old for old, new in NAMES.items()})
    if is_sqlite():
        create_triggers("events")


def drop_unused() -> None:
    """`flask ordercast upgrade` came before this on a new database: its tables stay, and those that
    the revisions before this one have made go."""
    used = sa.text(
        "SELECT 1 FROM journal_head WHERE position > 0 OR EXISTS (SELECT 1 FROM events)"
        " OR EXISTS (SELECT 1 FROM inbox_ids) OR EXISTS (SELECT 1 FROM revocations)"
    )
    if op.get_bind().scalar(used):
        raise CommandError(
            "there are two journals in this database, events and ordercast_events, and the first"
            " is in use: if the second is not, drop every table named ordercast_* and upgrade again"
        )
    for name in NAMES:
        op.drop_table(name)


def library_revision() -> str:
    """Raises CommandError for a later revision than this migration knows."""
    found = str(op.get_bind().scalar(sa.text("SELECT version_num FROM ordercast_version")))
    if found not in KNOWN:
        raise CommandError(
            f"the library's tables are at its revision {found}, which cannot be taken back: restore"
            " a backup of before the upgrade"
        )
    return found


def take_back_append() -> None:
    if is_sqlite():
        for name in ("further_rooms", "can_be_sent_insert", "can_be_sent_update"):
            op.execute(f"DROP TRIGGER ordercast_events_{name}")
    else:
        op.execute("DROP TRIGGER IF EXISTS ordercast_events_further_rooms ON ordercast_events")
        op.execute(
            "ALTER TABLE ordercast_events DROP CONSTRAINT IF EXISTS ck_ordercast_events_can_be_sent"
        )
        op.execute(DROP_FUNCTIONS)
    op.drop_table("ordercast_further_rooms")
    op.drop_column("ordercast_events", "further_rooms")


def rename(names: dict[str, str]) -> None:
    for old, new in names.items():
        if is_sqlite():
            op.execute(f"ALTER TABLE {old} RENAME TO {new}")
            sql = "sql"
            for kind in ("pk", "uq", "ck", "ix"):
                sql = f"replace({sql}, '{kind}_{old}', '{kind}_{new}')"
            write_schema(new, sql, name=f"replace(name, 'ix_{old}', 'ix_{new}')")
        else:
            op.execute(RENAME.format(old=old, new=new))


def write_schema(table: str, sql: str, name: str = "name") -> None:
    """Write the names and the text of a table and of its indexes, and read the schema again."""
    op.execute("PRAGMA writable_schema = ON")
    where = f"tbl_name = '{table}'"
    op.execute(f"UPDATE sqlite_master SET name = {name}, sql = {sql} WHERE {where}")  # noqa: S608
    op.execute("PRAGMA writable_schema = RESET")


def drop_triggers(table: str) -> None:
    for name in CHECKED:
        op.execute(f"DROP TRIGGER {table}_data_is_json_{name}")


def create_triggers(table: str) -> None:
    for name, moment in CHECKED.items():
        op.execute(
            f"CREATE TRIGGER {table}_data_is_json_{name} BEFORE {moment} ON {table} "
            "WHEN NOT json_valid(NEW.data) "
            f"BEGIN SELECT RAISE(ABORT, '{table}.data is not JSON'); END"
        )


def has_table(name: str) -> bool:
    return not op.get_context().as_sql and sa.inspect(op.get_bind()).has_table(name)


def is_sqlite() -> bool:
    return bool(op.get_bind().dialect.name == "sqlite")


def quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"

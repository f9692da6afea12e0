"""Where Alembic gets its connection and its models: from the running Flask app."""

from contextlib import contextmanager

from alembic import context
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import db as database
from ordercast import explain, include_object, migrations

# Of all programs that ask this database for an advisory lock, the migrations of this service.
LOCK = 0x6F72646572  # "order"
OTHERS_SECONDS = 600  # how long SQLite waits for the upgrade of another process

metadata = database.db.metadata
options = {
    "target_metadata": metadata,
    "render_as_batch": True,  # SQLite cannot alter a table: Alembic copies it
    "compare_type": True,
    "transactional_ddl": True,  # SQLite has it too, once the driver begins nothing by itself
    "include_object": include_object,  # the library's tables have migrations of their own
}


def _user_module_types(kind: str, item: object, _autogen: object) -> str | bool:
    """Write our column types as what they are in the database: migrations outlive our code."""
    if kind == "type" and isinstance(item, database.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


@contextmanager
def _one_at_a_time():
    """The connection, in a transaction that only one process at a time has: the others wait, and
    then find what is left to do, usually nothing."""
    with database.db.engine.connect() as connection:
        connection = connection.execution_options(begin="IMMEDIATE", busy_seconds=OTHERS_SECONDS)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            yield connection


def _is_whole_upgrade() -> bool:
    """Whether the command is an upgrade to this release: the library's tables follow then, within
    the same transaction. At an earlier revision the library has none yet."""
    here = context.get_context()
    is_upgrade = here.opts["fn"].__name__ == "upgrade"
    return is_upgrade and set(here.get_current_heads()) == set(context.script.get_heads())


def _migrate_offline() -> None:
    url = current_app.config["SETTINGS"].DATABASE_URL
    context.configure(url=url, literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()


def _migrate() -> None:
    try:
        with _one_at_a_time() as connection:
            context.configure(connection=connection, render_item=_user_module_types, **options)
            context.run_migrations()
            if _is_whole_upgrade():
                migrations.upgrade(connection)
    except SQLAlchemyError as exc:
        found = explain(exc)
        if found is None:
            raise
        raise CommandError(f"database {found[0].value}: {found[1]}") from exc


if context.is_offline_mode():
    _migrate_offline()
else:
    _migrate()

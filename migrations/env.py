"""Where Alembic gets its connection and its models: from the running Flask app."""

from alembic import context
from flask import current_app

from app import db as database

metadata = database.db.metadata
options = {
    "target_metadata": metadata,
    "render_as_batch": True,  # SQLite cannot alter a table: Alembic copies it
    "compare_type": True,
}


def _user_module_types(kind: str, item: object, _autogen: object) -> str | bool:
    """Write our column types as what they are in the database: migrations outlive our code."""
    if kind == "type" and isinstance(item, database.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


if context.is_offline_mode():
    url = current_app.config["SETTINGS"].DATABASE_URL
    context.configure(url=url, literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with database.db.engine.connect() as connection:
        context.configure(connection=connection, render_item=_user_module_types, **options)
        with context.begin_transaction():
            context.run_migrations()

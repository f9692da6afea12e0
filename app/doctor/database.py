"""The revision of the marketplace's tables."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.db import db
from ordercast import Examination, Unhealthy, explain

SCRIPTS = Path(__file__).parents[2] / "migrations"
UPGRADE = "Run: flask --app wsgi db upgrade"


def _migrations() -> str:
    from alembic.script import ScriptDirectory  # heavy, and needed by few commands

    try:
        current = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError as exc:
        _, why = explain(exc) or ("", type(exc).__name__)
        raise Unhealthy(why, UPGRADE) from exc
    wanted = ScriptDirectory(str(SCRIPTS)).get_current_head()
    if current != wanted:
        raise Unhealthy(f"the database is at {current}, the code at {wanted}", UPGRADE)
    return f"at {current}"


MIGRATIONS = Examination("migrations", _migrations)

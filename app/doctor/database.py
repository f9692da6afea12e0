"""The database answers, and has the tables of this release."""

from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from app.config import Settings
from app.db import db
from app.doctor.finding import Check, Doubtful, Unhealthy, first_line

MIGRATIONS = Path(__file__).parents[2] / "migrations"
UPGRADE = "Run: flask --app wsgi db upgrade"


def _database(settings: Settings) -> str:
    try:
        db.session.execute(select(1))
    except SQLAlchemyError as exc:
        raise Unhealthy(first_line(exc), "Check DATABASE_URL and that the server runs.") from exc
    if db.engine.dialect.name == "sqlite":
        _private(db.engine.url.database or "")
    return f"{db.engine.dialect.name} answers"


def _private(path: str) -> None:
    """A file of an earlier release, or one that was restored."""
    file = Path(path)
    if file.is_file() and file.stat().st_mode & 0o007:
        raise Doubtful(f"{file.name} is readable for everybody", f"Run: chmod 600 {file}*")


def _migrations(settings: Settings) -> str:
    scripts = ScriptDirectory(str(MIGRATIONS))
    try:
        current = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError as exc:
        raise Unhealthy(first_line(exc), UPGRADE) from exc
    wanted = scripts.get_current_head()
    if current != wanted:
        raise Unhealthy(f"the database is at {current}, the code at {wanted}", UPGRADE)
    return f"at {current}"


CHECKS = (Check("database", _database), Check("migrations", _migrations))

"""The database answers, and has the tables of this release."""

from pathlib import Path

from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.config import Settings
from ordercast.database import Database, Outage, explain
from ordercast.doctor.finding import Check, Doubtful, Unhealthy, first_line

MIGRATIONS = Path(__file__).parents[2] / "migrations"
UPGRADE = "Run: flask --app wsgi db upgrade"


# What to do, by what is wrong.
ADVICE = {
    Outage.READ_ONLY: "Name the primary in DATABASE_URL, or all hosts with ?target_session_attrs="
    "read-write; for SQLite, check the permissions of the file and its folder.",
    Outage.FULL: "Make room on the database's disk; the service goes on by itself.",
    Outage.BUSY: "See which program holds the database's lock, or all its connections.",
    Outage.DAMAGED: "See the database's own log, and its disk.",
    Outage.SHARED_SESSION: "Set DATABASE_PREPARE=0 in every process of the service.",
}


def _database(settings: Settings) -> str:
    database: Database = current_app.extensions["ordercast"].database
    try:
        database.probe()
    except SQLAlchemyError as exc:
        kind, text = explain(exc) or (Outage.AWAY, first_line(exc))
        what = text if kind is Outage.AWAY else f"{kind.value}: {text}"
        advice = ADVICE.get(kind, "Check DATABASE_URL and that the server runs.")
        raise Unhealthy(what, advice) from exc
    if database.dialect == "sqlite":
        _private(database.engine.url.database or "")
    return f"{database.dialect} can be written"


def _private(path: str) -> None:
    """A file of an earlier release, or one that was restored."""
    file = Path(path)
    if file.is_file() and file.stat().st_mode & 0o007:
        raise Doubtful(f"{file.name} is readable for everybody", f"Run: chmod 600 {file}*")


def _migrations(settings: Settings) -> str:
    from alembic.script import ScriptDirectory  # heavy, and no other command needs it

    scripts = ScriptDirectory(str(MIGRATIONS))
    database: Database = current_app.extensions["ordercast"].database
    try:
        with database.reading() as connection:
            current = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError as exc:
        raise Unhealthy(first_line(exc), UPGRADE) from exc
    wanted = scripts.get_current_head()
    if current != wanted:
        raise Unhealthy(f"the database is at {current}, the code at {wanted}", UPGRADE)
    return f"at {current}"


CHECKS = (Check("database", _database), Check("migrations", _migrations))

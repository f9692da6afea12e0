"""The database answers, and has the library's tables of this release."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ordercast import migrations
from ordercast.database import Database, Outage, explain
from ordercast.doctor.finding import Doubtful, Examination, Unhealthy, first_line

UPGRADE = "Run: flask ordercast upgrade"

# Advice by the kind of outage.
ADVICE = {
    Outage.READ_ONLY: "Name the primary in the URL of the app's database, or all hosts with"
    " ?target_session_attrs=read-write; for SQLite, check the permissions of the file and its"
    " folder.",
    Outage.FULL: "Make room on the database's disk; the service goes on by itself.",
    Outage.BUSY: "See which program holds the database's lock, or all its connections.",
    Outage.DAMAGED: "See the database's own log, and its disk.",
    Outage.SHARED_SESSION: "Use engine_options(url, prepare=False) in every process.",
}


def examinations(database: Database) -> Iterator[Examination]:
    yield Examination("database", lambda: _can_write(database))
    yield Examination("tables", lambda: _tables(database))


def _can_write(database: Database) -> str:
    try:
        database.probe()
    except SQLAlchemyError as exc:
        kind, text = explain(exc) or (Outage.UNAVAILABLE, first_line(exc))
        what = text if kind is Outage.UNAVAILABLE else f"{kind.value}: {text}"
        advice = ADVICE.get(kind, "Check the URL of the app's database, and that the server runs.")
        raise Unhealthy(what, advice) from exc
    if database.dialect == "sqlite":
        _check_mode(database.engine.url.database or "")
    return f"{database.dialect} can be written"


def _check_mode(path: str) -> None:
    """Warn of a file that everybody can read, as of an earlier release or a restored backup."""
    file = Path(path)
    if file.is_file() and file.stat().st_mode & 0o007:
        raise Doubtful(f"{file.name} is readable for everybody", f"Run: chmod 600 {file}*")


def _tables(database: Database) -> str:
    try:
        with database.reading() as connection:
            current = migrations.current(connection)
    except SQLAlchemyError as exc:
        raise Unhealthy(first_line(exc), UPGRADE) from exc
    wanted = migrations.head()
    if current != wanted:
        text = f"ordercast_* are at {current or 'no revision'}, the code at {wanted}"
        raise Unhealthy(text, UPGRADE)
    return f"ordercast_* at {current}"

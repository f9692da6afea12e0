"""Every entry of the journal can be delivered."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from ordercast.database import Database
from ordercast.doctor.finding import Doubtful, Examination, Unhealthy, first_line
from ordercast.journal.tables import SET_ASIDE

SEE = (
    "See them: SELECT * FROM ordercast_events JOIN ordercast_set_aside USING (position);"
    " when that is settled: DELETE FROM ordercast_set_aside"
)


def examinations(database: Database) -> Iterator[Examination]:
    yield Examination("journal entries", lambda: _entries(database))


def _entries(database: Database) -> str:
    count = select(func.count()).select_from(SET_ASIDE)
    newest = select(SET_ASIDE.c.position, SET_ASIDE.c.reason)
    newest = newest.order_by(SET_ASIDE.c.position.desc()).limit(1)
    try:
        with database.reading() as connection:
            found, last = connection.scalar(count), connection.execute(newest).first()
    except SQLAlchemyError as exc:
        raise Unhealthy(f"cannot tell: {first_line(exc)}", "Repair the database first.") from exc
    if last is not None:
        raise Doubtful(
            f"{found} set aside, the last at position {last.position} because: {last.reason}", SEE
        )
    return "none was set aside"

"""Every entry of the journal can be delivered."""

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.config import Settings
from app.db import db
from ordercast.doctor.finding import Check, Doubtful, Unhealthy, first_line
from ordercast.journal.models import SetAside

SEE = (
    "See them: SELECT * FROM ordercast_events JOIN ordercast_set_aside USING (position);"
    " when that is settled: DELETE FROM ordercast_set_aside"
)


def _entries(settings: Settings) -> str:
    count = select(func.count()).select_from(SetAside)
    newest = select(SetAside.position, SetAside.reason).order_by(SetAside.position.desc()).limit(1)
    try:
        found, last = db.session.scalar(count), db.session.execute(newest).first()
    except SQLAlchemyError as exc:
        raise Unhealthy(f"cannot tell: {first_line(exc)}", "Repair the database first.") from exc
    if last is not None:
        raise Doubtful(
            f"{found} set aside, the last at position {last.position} because: {last.reason}", SEE
        )
    return "none was set aside"


CHECKS = (Check("journal entries", _entries),)

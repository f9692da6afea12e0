"""Failed logins, counted per address and account in windows of a minute."""

import time

from sqlalchemy import case, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.accounts.errors import TooManyAttempts
from app.accounts.models import LoginAttempts
from app.db import transaction

WINDOW_SECONDS = 60
MAX_EMAIL = 254


def count(address: str, email: str, *, limit: int) -> None:
    """Count one try. Raises TooManyAttempts past `limit` (0: no limit).

    One statement, so that tries at the same moment are all counted, in any process.
    """
    if not limit:
        return
    second = int(time.time())
    over = LoginAttempts.window_start <= second - WINDOW_SECONDS
    with transaction() as session:
        postgres = session.get_bind().dialect.name == "postgresql"
        insert = postgresql.insert if postgres else sqlite.insert
        tries, start = session.execute(
            insert(LoginAttempts)
            .values(address=address, email=email[:MAX_EMAIL], window_start=second, count=1)
            .on_conflict_do_update(
                index_elements=["address", "email"],
                set_={
                    "count": case((over, 1), else_=LoginAttempts.count + 1),
                    "window_start": case((over, second), else_=LoginAttempts.window_start),
                },
            )
            .returning(LoginAttempts.count, LoginAttempts.window_start)
        ).one()
    if tries > limit:
        raise TooManyAttempts(max(1, start + WINDOW_SECONDS - second))


def take_back(session: Session, address: str, email: str) -> None:
    """A login that succeeded was no failed one."""
    session.execute(
        update(LoginAttempts)
        .where(LoginAttempts.address == address, LoginAttempts.email == email[:MAX_EMAIL])
        .where(LoginAttempts.count > 0)
        .values(count=LoginAttempts.count - 1)
    )

"""The database's clock, by which events are dated, as this process sees it: hosts have clocks of
their own, which may be seconds apart."""

import time
from datetime import UTC, datetime

from sqlalchemy import select

from ordercast.database import Database
from ordercast.journal.tables import database_now

FRESH_SECONDS = 30.0


class Clock:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._ask_at = 0.0  # monotonic seconds
        self.ahead: float | None = None  # seconds, the database's of ours; None: not asked yet

    def ask(self) -> float:
        """Ask the database for its time -> how many seconds it is ahead of this process's clock,
        give or take half of the time that the answer took. Raises SQLAlchemyError."""
        with self._database.reading() as connection:
            connection.execute(select(1))  # connected: only the answer's time counts below
            before = time.time()
            moment = connection.scalars(select(database_now())).one()
            after = time.time()
        self.ahead = moment.timestamp() - (before + after) / 2
        return self.ahead

    def refresh(self) -> None:
        """Ask again if that was long ago. Raises SQLAlchemyError."""
        if time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + FRESH_SECONDS
            self.ask()

    def now(self) -> datetime:
        """This moment by the database's clock; by this process's own before ask(). Asks nothing."""
        return datetime.fromtimestamp(time.time() + (self.ahead or 0.0), UTC)

    def seconds_since(self, moment: datetime) -> float | None:
        """How long ago a moment of the database's clock is; None before ask(). Asks nothing."""
        if self.ahead is None:
            return None
        return max(0.0, time.time() + self.ahead - moment.timestamp())

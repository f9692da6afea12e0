"""The canary: an event for the web processes themselves, committed every few seconds, by which each
measures how long an event takes from its commit to the fan-out, on a silent night too."""

import time

from sqlalchemy import select

from ordercast.database import Database
from ordercast.events import CANARY, CONTROL_ROOM, Canary
from ordercast.journal import Journal
from ordercast.journal.tables import database_now


class Canaries:
    """`seconds` between two of this worker, and before its first."""

    def __init__(self, database: Database, journal: Journal, seconds: float) -> None:
        self._database = database
        self._journal = journal
        self._not_before = time.monotonic() + seconds

    def commit(self) -> None:
        """Commit a canary. Raises SQLAlchemyError."""
        if time.monotonic() < self._not_before:
            return
        with self._database.writing() as connection:
            at = connection.scalars(select(database_now())).one()
            canary = Canary(at=at).wire()
            self._journal.append(connection, CONTROL_ROOM, CANARY, canary)

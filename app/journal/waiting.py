"""Whether a committed event waits for its position, asked so that dead rows do not matter.

An event that got its position stays, dead, in the index of those that wait for as long as some
transaction of the server is older, be it a report's in another database. A whole look passes over
all of these. So most looks begin at an id that was the highest a moment ago. An event below it is
found by the next whole look: its transaction had its id for longer than RECENT_SECONDS before it
committed. Whole looks come as often as they are cheap, and every time where nothing is dead.
"""

import time
from collections import deque

from flask import Flask, current_app
from sqlalchemy import ColumnElement, exists, func, select

from app.db import db
from app.journal.models import JournalEvent

RECENT_SECONDS = 2.0  # transactions that take longer between their id and their commit are rare
SHARE = 20  # whole looks take this part of the time, at most
LONGEST_SECONDS = 5.0  # between two whole looks


class Waiting:
    """What one process knows of it; `app.extensions["waiting"]`."""

    def __init__(self) -> None:
        self._highest: deque[tuple[float, int]] = deque()  # the highest id at a monotonic moment
        self._recent = 0  # an id that was the highest RECENT_SECONDS ago or before
        self._whole_at = 0.0  # when the next whole look is due, monotonic seconds

    def after(self) -> int | None:
        """An id after which an event waits, and before which none does, as far as was looked; None
        if none waits."""
        if time.monotonic() >= self._whole_at:
            return self._look_everywhere()
        query = select(exists().where(_waits(), JournalEvent.id > self._recent))
        with db.engine.connect() as connection:
            return self._recent if connection.scalar(query) else None

    def _look_everywhere(self) -> int | None:
        started = time.monotonic()
        oldest = select(JournalEvent.id).where(_waits()).order_by(JournalEvent.id).limit(1)
        highest = select(func.max(JournalEvent.id))
        query = select(oldest.scalar_subquery(), highest.scalar_subquery())
        with db.engine.connect() as connection:
            waits, last = connection.execute(query).one()
        ended = time.monotonic()
        self._whole_at = ended + min(SHARE * (ended - started), LONGEST_SECONDS)
        self._highest.append((started, last or 0))
        while self._highest and self._highest[0][0] <= started - RECENT_SECONDS:
            _, self._recent = self._highest.popleft()
        return None if waits is None else waits - 1


def _waits() -> ColumnElement[bool]:
    return JournalEvent.position.is_(None)


def init_app(app: Flask) -> None:
    app.extensions["waiting"] = Waiting()


def waiting_after() -> int | None:
    """An id after which an event waits for its position; None if none does. Takes no lock and no
    session: it is asked all the time."""
    waiting: Waiting = current_app.extensions["waiting"]
    return waiting.after()

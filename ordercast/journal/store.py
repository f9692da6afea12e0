"""The journal of one application: appending, reading, sequencing and pruning."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from ordercast.broker import Broker
from ordercast.captures import Captures
from ordercast.database import Database, Transaction
from ordercast.journal import history, locking, pruning, reading, restarting, searching
from ordercast.journal.appending import Appender
from ordercast.journal.batches import Batches
from ordercast.journal.bulk import NewEvent
from ordercast.journal.clock import Clock
from ordercast.journal.days import Days
from ordercast.journal.doorbell import Doorbell
from ordercast.journal.entries import Entry
from ordercast.journal.history import Row
from ordercast.journal.marks import Marks
from ordercast.journal.missed import Missed
from ordercast.journal.reading import Head
from ordercast.journal.searching import EventPage
from ordercast.journal.sequencing import Publish, Sequencer
from ordercast.journal.several import Found, Wanted, several
from ordercast.journal.waiting import Waiting

if TYPE_CHECKING:
    from ordercast.spans.recording import Spans


class Journal:
    """Needs no application context. Reads give their connection back at their end. Every method
    raises SQLAlchemyError; those that lock the head raise HeadLocked.

    `origin` returns what the row of an event of this name keeps as its `request_id`: the id of the
    current request, if there is one. `spans` records what happens to an event."""

    def __init__(
        self,
        database: Database,
        broker: Broker,
        captures: Captures,
        origin: Callable[[str], str | None],
        spans: "Spans | None" = None,
    ) -> None:
        self._database = database
        self.spans = spans
        self._waiting = Waiting(database)
        self.clock = Clock(database)
        self._days = Days(database)
        doorbell = Doorbell(broker, captures)
        self._appender = Appender(database, doorbell, captures, origin)

    def append(
        self,
        session: Transaction,
        room: str,
        name: str,
        data: object,
        *,
        further: Sequence[str] = (),
        key: str | None = None,
    ) -> int:
        """Add an event to the transaction of `session` -> the id of its row; see
        Appender.append."""
        return self._appender.append(session, room, name, data, further=further, key=key)

    def append_all(self, session: Transaction, events: Sequence[NewEvent]) -> None:
        """Add events to the transaction of `session`: by one statement on PostgreSQL, with ids in
        their order; see Appender.append_all."""
        self._appender.append_all(session, events)

    # -- reading

    def head(self) -> Head:
        """The journal's head."""
        with self._database.reading() as connection:
            return reading.head(connection)

    def since(
        self,
        position: int,
        *,
        limit: int,
        rooms: Sequence[str] | None = None,
        until: int | None = None,
    ) -> list[Entry]:
        """Up to `limit` entries after `position` and up to `until`, oldest first, of `rooms` or
        all. Without `rooms`, a blank entry stands for each that cannot be delivered; with `rooms`,
        these are left out."""
        with self._database.reading() as connection:
            return reading.since(connection, position, limit=limit, rooms=rooms, until=until)

    def has_row(self, connection: Connection, id: int, name: str, data: str) -> bool:
        """Whether the row with this id is this event."""
        return reading.has_row(connection, id, name, data)

    def sizes(
        self, position: int, *, limit: int, rooms: Sequence[str] | None = None, until: int
    ) -> list[tuple[int, int]]:
        """The positions and bytes of the entries that `since` would return, without reading
        them."""
        with self._database.reading() as connection:
            return reading.sizes(connection, position, limit=limit, rooms=rooms, until=until)

    def page(
        self,
        position: int,
        *,
        limit: int,
        rooms: Sequence[str] | None = None,
        until: int,
        max_bytes: int,
    ) -> list[Entry]:
        """As `since`, but no more than `max_bytes` of data, unless a single entry has more."""
        with self._database.reading() as connection:
            return reading.page(
                connection, position, limit=limit, rooms=rooms, until=until, max_bytes=max_bytes
            )

    def several(self, wanted: Sequence[Wanted], *, limit: int) -> list[Found]:
        """For each, up to `limit` events, oldest first: their sizes, and the content of the first
        of them. All are read at one moment."""
        with self._database.reading() as connection:
            return several(connection, wanted, limit=limit)

    def missed(
        self, rooms: Sequence[str], after: int, *, max_events: int = 0, max_bytes: int = 0
    ) -> Missed:
        """The rooms' events after this position, measured and not yet read. 0: no limit."""
        return Missed(self._database, rooms, after, max_events=max_events, max_bytes=max_bytes)

    # -- what an operator asks for

    def now(self) -> datetime:
        """This moment by the database's clock."""
        self.clock.ask()
        return self.clock.now()

    def row_at(self, position: int) -> Row | None:
        """The event with this position, if it is kept."""
        with self._database.reading() as connection:
            return history.at(connection, position)

    def rows_about(self, key: str, *, limit: int) -> list[Row]:
        """The latest events with this key, the oldest first."""
        with self._database.reading() as connection:
            return history.about(connection, key, limit=limit)

    def latest_rows(self, rooms: Sequence[str], *, limit: int) -> list[Row]:
        """The latest events of these rooms that have a position, the oldest first."""
        with self._database.reading() as connection:
            return history.latest(connection, rooms, limit=limit)

    def search(
        self, *, after: int, before: int | None, room: str | None, name: str | None, limit: int
    ) -> EventPage:
        """Events page by page, the latest first; see searching.page."""
        with self._database.reading() as connection:
            head = reading.head(connection)
            end = head.position + 1
            return searching.page(
                connection,
                after=max(after, head.lowest - 1),
                before=end if before is None else min(before, end),
                room=room,
                name=name,
                limit=limit,
            )

    # -- sequencing

    def waiting_after(self) -> int | None:
        """An id after which an event waits for its position; None if none does."""
        return self._waiting.after()

    def oldest_waiting(self) -> tuple[int, float] | None:
        """(id, seconds by the database's clock) of the event that has waited for its position for
        the longest time; None if none waits."""
        return self._waiting.oldest()

    def count_waiting(self, most: int) -> int:
        """How many events wait for their position, counted up to `most`."""
        return self._waiting.count(most)

    def sequencer(
        self, publish: Publish, marks: Marks | None = None, batches: Batches | None = None
    ) -> Sequencer:
        """A sequencer, which hands sequenced events to `publish`."""
        return Sequencer(
            self._database, self._waiting, publish, marks, spans=self.spans, batches=batches
        )

    def restart(self, journal: str, known: int) -> Head:
        """Let the journal begin anew if it still has this name, and its head is behind `known`
        -> the head afterwards."""
        with self._database.writing() as connection:
            return restarting.restart(connection, journal, known)

    def rename(self) -> Head:
        """Let the journal begin anew -> the head afterwards; see restarting.rename."""
        with self._database.writing() as connection:
            return restarting.rename(connection)

    def holders(self) -> list[str]:
        """The database sessions that hold the head, in words; on SQLite none."""
        with self._database.reading() as connection:
            return locking.holders(connection)

    # -- pruning

    def add_days(self) -> int:
        """Add the partitions of the days that come -> how many; on SQLite there are none."""
        return self._days.add()

    def drop_days(self, before: datetime) -> int:
        """Drop the days that have ended before `before` -> how many; on SQLite there are none."""
        return self._days.drop(before)

    def prune(self, before: datetime, limit: int = pruning.BATCH_ROWS) -> int:
        """Delete up to `limit` of the oldest events written before `before` that are in no day's
        partition -> how many."""
        return pruning.prune(self._database, before, limit)

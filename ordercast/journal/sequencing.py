"""Sequencing: committed events get contiguous positions, and are published.

Ids become visible out of order when transactions overlap, so a reader that remembers the last id
it saw skips the late ones. Positions are given after the commit, under the lock of the one-row
head: 1, 2, 3 ... with no holes, so a missing one is visible. Any number of sequencers may run; the
row's lock lets one at a time through.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import redis
from sqlalchemy import Connection

from ordercast.broker import reason
from ordercast.database import Database, upsert
from ordercast.events import CANARY
from ordercast.journal.advancing import advance
from ordercast.journal.batches import Batches
from ordercast.journal.entries import Entry, blank, entry_of, fault
from ordercast.journal.locking import lock_head, move_head
from ordercast.journal.marks import Marks
from ordercast.journal.numbering import BATCH_BYTES, number
from ordercast.journal.reading import Head, head
from ordercast.journal.restarting import restart, restart_if_lost
from ordercast.journal.tables import SET_ASIDE
from ordercast.journal.waiting import Waiting
from ordercast.metrics import EVENTS_SEQUENCED, EVENTS_SET_ASIDE, PUBLISH_FAILURES
from ordercast.request_ids import clean
from ordercast.spans.carried import Traced, of_rows, parts

if TYPE_CHECKING:
    from ordercast.spans.recording import Spans

logger = logging.getLogger(__name__)

BATCH_ROWS = 1000  # in one step
MESSAGE_BYTES = 1_048_576  # of data in one message, unless a single event has more

LOGGED_REQUESTS = 20  # of one batch
ASIDE_SECONDS = 0.5  # after another sequencer was faster
TRIES = 3  # by one statement, while other transactions change the head

Faults = dict[int, str]  # position: why the event cannot be delivered
Publish = Callable[[bytes], object]  # raises redis.RedisError


class Sequencer:
    """Gives positions, and hands the sequenced events to `publish`. A journal that was further, by
    `marks`, first gets another name; while its mark is not known, nothing is sequenced."""

    def __init__(
        self,
        database: Database,
        waiting: Waiting,
        publish: Publish,
        marks: Marks | None = None,
        spans: "Spans | None" = None,
        batches: Batches | None = None,
    ) -> None:
        self._database = database
        self._waiting = waiting
        self._publish = publish
        self._marks = marks
        self._spans = spans
        self._traced: list[Traced] = []  # of the events sequenced last
        self._batches = batches
        self._journal = ""  # the name that the head had
        self._reached: int | None = None  # the head's position, as far as this sequencer knows
        self._aside_until = 0.0  # monotonic seconds

    def step(self, limit: int = BATCH_ROWS) -> int:
        """Give up to `limit` committed events their positions, commit, then publish them. Returns
        how many. Raises HeadLocked.

        A failed publish is logged and counted and not repeated: followers notice the gap, or the
        silence, and read the journal.

        Does nothing for a while after another sequencer was faster: of several that are woken by
        the same ring, one works. It goes on within ASIDE_SECONDS of the other's end.
        """
        if time.monotonic() < self._aside_until:
            return 0
        count = 0
        while count < limit:
            began_ns = time.time_ns()
            journal, entries = self._next(limit - count)
            if not entries:  # none waits, or another sequencer was faster
                break
            count += len(entries)
            events = sum(entry.name != CANARY for entry in entries)
            EVENTS_SEQUENCED.inc(events)
            if self._batches is not None and events:
                self._batches.sequenced(journal, entries[0].position, entries[-1].position)
            if self._spans is not None and self._traced:
                with self._spans.sequenced(self._traced, began_ns) as traced:
                    self._publish_all(journal, entries, dict(traced))
            else:
                self._publish_all(journal, entries)
            if sum(len(entry.data) for entry in entries) < BATCH_BYTES // 4:
                break  # not cut short for its bytes: all that waited is sequenced
        return count

    def announce(self) -> None:
        """Publish the head, for followers that missed something. Raises HeadLocked."""
        reached = self._head()
        if self._marks is not None:
            known = self._marks.known(reached.journal)
            if known > reached.position:
                with self._database.writing() as connection:
                    reached = restart(connection, reached.journal, known)
            self._marks.note(reached.journal, reached.position)
        self._announce(reached.journal, reached.position, [])

    def _head(self) -> Head:
        with self._database.reading() as connection:
            return head(connection)

    def _next(self, limit: int) -> tuple[str, list[Entry]]:
        """Sequence up to `limit` of the events that wait -> the journal's name, and the entries.
        Raises HeadLocked."""
        is_postgres = self._database.dialect == "postgresql"
        after = self._waiting.begin() if is_postgres else None
        if after is None and (after := self._waiting.after()) is None:
            return self._journal, []
        for _ in range(TRIES if is_postgres else 0):
            entries = self._advance(limit, after)
            if entries is not None:
                return self._journal, entries
        head, entries = self.sequence(limit, after=after)
        self._journal, self._reached = head.journal, head.position
        return head.journal, entries

    def _advance(self, limit: int, after: int) -> list[Entry] | None:
        """As sequence(), by one statement, unless another sequencer is faster. None if the head has
        to be locked first."""
        journal = self._journal = self._journal or self._head().journal
        known = 0
        with self._database.at_once() as connection:
            if self._marks is not None:
                if not self._marks.settle(journal, connection.info):
                    return None
                known = self._marks.known(journal)
            found = advance(
                connection,
                journal=journal,
                known=known,
                after=after,
                limit=limit,
                max_bytes=BATCH_BYTES,
            )
        if found is None:
            return None
        rows = found.rows
        if not rows:
            return [] if self._stands_aside(found.head) or rows is not None else None
        entries, faults = _examined(rows)
        self._note(rows)
        if faults:  # a process that is killed before this leaves the reason to the log of readers
            with self._database.writing() as connection:
                _keep(connection, faults)
        self._reached = entries[-1].position
        if self._marks is not None:
            self._marks.note(journal, self._reached)
        return entries

    def _stands_aside(self, head: int) -> bool:
        """Whether another sequencer has moved the head, which is at this position, since the last
        statement: then the next events are left to it. It hears the same rings."""
        is_behind = self._reached is not None and head > self._reached
        self._reached = head
        if is_behind:
            self._aside_until = time.monotonic() + ASIDE_SECONDS
        return is_behind

    def sequence(self, limit: int = BATCH_ROWS, *, after: int = 0) -> tuple[Head, list[Entry]]:
        """Give up to `limit` unsequenced events, or up to BATCH_BYTES of them, their positions, in
        id order, and commit: of those after the id that `Waiting` said, or of all.

        Returns the head afterwards and what was sequenced, which is not published. Raises
        HeadLocked.
        """
        with self._database.writing() as connection:
            head = lock_head(connection)
            if self._marks is not None:
                if not self._marks.settle(head.journal, connection.info) and head.position:
                    return head, []
                head = restart_if_lost(connection, head, self._marks.known(head.journal))
            rows = number(connection, head.position, limit, after)
            entries, faults = _examined(rows)
            _keep(connection, faults)
            if entries:
                head = head._replace(position=head.position + len(entries))
                move_head(connection, head)
        if entries:
            self._note(rows)
        if self._marks is not None:
            self._marks.note(head.journal, head.position)
        return head, entries

    def _note(self, rows: Sequence[Sequence[Any]]) -> None:
        _log(rows)
        if self._spans is not None:
            self._traced = of_rows(rows)

    def _publish_all(
        self, journal: str, entries: list[Entry], traces: Mapping[int, str] | None = None
    ) -> None:
        """Publish one message, or several for many bytes: each process reads a message whole. A
        message's head is its last entry: a higher head would mean that the rest was lost. `traces`
        has the traceparent of those events that are traced."""
        part: list[Entry] = []
        size = 0
        for entry in entries:
            more = len(entry.data) + sum(map(len, entry.further))
            if part and size + more > MESSAGE_BYTES:
                self._announce(journal, part[-1].position, part, traces)
                part, size = [], 0
            part.append(entry)
            size += more
        self._announce(journal, part[-1].position, part, traces)

    def _announce(
        self,
        journal: str,
        head: int,
        entries: list[Entry],
        traces: Mapping[int, str] | None = None,
    ) -> None:
        message: dict[str, Any] = {
            "journal": journal,
            "head": head,
            "events": [entry[:4] for entry in entries],
            "examined": True,  # each can be delivered, or is blank: followers parse no payload
            # Beside the events, which followers of the release before read; there in any case, as
            # sequencers of that release know no further rooms.
            "further": [(entry.position, entry.further) for entry in entries if entry.further],
        }
        if traces:
            positions = (entry.position for entry in entries)
            message["traces"] = [(one, traces[one]) for one in positions if one in traces]
        try:
            self._publish(orjson.dumps(message))
        except redis.RedisError as exc:
            PUBLISH_FAILURES.labels("journal").inc()
            logger.warning(
                "publish failed; followers will read the journal",
                extra={"head": head, "count": len(entries), "error": reason(exc)},
            )


def _examined(rows: Iterable[Sequence[Any]]) -> tuple[list[Entry], Faults]:
    """The entries, a blank one for each that cannot be delivered, and why it cannot."""
    entries, faults = [], {}
    for position, *content, request_id in rows:
        reason = fault(*content)
        if reason is None:
            entries.append(entry_of(position, *content))
            continue
        entries.append(blank(position))
        faults[position] = reason
        EVENTS_SET_ASIDE.inc()
        extra = {"position": position, "reason": reason, "request": _id(request_id)}
        logger.error("event set aside", extra=extra)
    return entries, faults


def _log(rows: Sequence[Sequence[Any]]) -> None:
    """A line for the batch: at INFO when events of requests are in it, with the requests' ids."""
    requests = list(filter(None, dict.fromkeys(_id(row[-1]) for row in rows)))
    extra = {"count": len(rows), "head": rows[-1][0]}
    if requests:
        logger.info("sequenced", extra={**extra, "requests": requests[:LOGGED_REQUESTS]})
    else:
        logger.debug("sequenced", extra=extra)


def _id(request_id: object) -> str | None:
    """The id as it may be logged: any program may have written the row."""
    return clean(parts(request_id)[0]) if isinstance(request_id, str) else None


def _keep(connection: Connection, faults: Faults) -> None:
    for position, why in faults.items():
        # The position may have been given before, to a row that a restored backup does not hold.
        keep = upsert(connection, SET_ASIDE).values(position=position, reason=why)
        keep = keep.on_conflict_do_update(index_elements=["position"], set_={"reason": why})
        connection.execute(keep)

"""Keeps the ledger of this process: which connections it has, from which offset on each gets the
events of which rooms, where each ended, and how far the process has come.

Nothing is done for an event, and nothing waits for Redis: once in LEDGER_SECONDS a background task
writes the connections that have changed, and then the position that was reached before.
"""

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_hex

import redis

from ordercast.broker import Broker, reason
from ordercast.journal import Clock
from ordercast.ledger import Ended, LedgerWriter, Mark, ProcessRecord, Written
from ordercast.live.connections import Connection, Connections
from ordercast.live.member import CONNECTED, NAMESPACE
from ordercast.live.records import ending_of, record_of, state_of
from ordercast.live.rooms import RoomManager
from ordercast.metrics import LEDGER_FAILURES, LEDGER_LOST

logger = logging.getLogger(__name__)
PIECE = 100  # connections, before other greenlets have a turn; their texts are all in memory
MAX_UNWRITTEN = 10_000  # connections that ended while Redis takes nothing


class Bookkeeper:
    """`reached` returns the journal's name and the position that was fanned out. `seconds` between
    two writes; 0: nothing is kept."""

    def __init__(
        self,
        broker: Broker,
        manager: RoomManager,
        connections: Connections,
        clock: Clock,
        *,
        reached: Callable[[], tuple[str, int]],
        seconds: float,
    ) -> None:
        self._broker = broker
        self._manager = manager
        self._connections = connections
        self._clock = clock
        self._reached = reached
        self._seconds = seconds
        self._dice = random.Random()  # of its own: another thread may rely on the order of random's
        self._process: ProcessRecord | None = None  # as it was written last
        self._writer = LedgerWriter(broker, "")
        self._since = 0.0  # monotonic seconds: older connections are of another journal
        self._ended: dict[str, Written] = {}  # connections whose end is not written yet, by sid
        self._lost = 0
        self._clocks = (clock.now(), time.monotonic())  # at the same moment
        self._writing = threading.Lock()
        self._replaced: ProcessRecord | None = None  # whose record does not say so yet
        self._is_silent = False
        self._has_ended = False

    @property
    def is_on(self) -> bool:
        return self._seconds > 0

    @property
    def name(self) -> str:
        """Of this process in the ledger; empty before it has begun."""
        return "" if self._process is None else self._process.name

    # -- what happens

    def left(self, sid: str) -> None:
        """Note that a client leaves, before it is removed from the connections and its rooms."""
        member = self._manager.member(sid, NAMESPACE)
        connection = None if member is None else member.connection
        if member is None or connection is None or not self.is_on:
            return
        now, (journal, position) = self._clock.now(), self._reached()
        if self._process is None and journal:
            self._process = self._begun(journal, position, now)
        if not self._is_kept(connection):
            return
        assert self._process is not None
        ended = Ended(position, now, ending_of(connection))
        record = record_of(
            member, connection, self._process.name, self._moment(connection.since), ended
        )
        if len(self._ended) >= MAX_UNWRITTEN:
            # What is there of this process in Redis is not true any more: go on under another
            # name, as if this process had ended without a word.
            self._lost += len(self._ended)
            LEDGER_LOST.inc(len(self._ended))
            self._replaced = replace(self._process, is_replaced=True)
            self._ended, self._process = {}, self._begun(journal, position, now)
        self._ended[sid] = Written(record.text(), now)

    def _is_kept(self, connection: Connection) -> bool:
        """Whether the client was let in, and its offsets are of this journal."""
        is_known = self._process is not None and connection.since >= self._since
        return is_known and bool(connection.pid) and self._connections.has(connection)

    # -- writing

    def run(self) -> None:
        """For ever; a background task."""
        while True:
            try:
                self.write()
            except Exception:
                # Keep the loop: without it the ledger would say nothing of this process any more.
                LEDGER_FAILURES.inc()
                logger.exception("the ledger was not written")
            time.sleep(self._seconds * self._dice.uniform(0.8, 1.2))

    def write(self, *, is_end: bool = False) -> None:
        """Write what has changed. What Redis does not take is written the next time."""
        with self._writing:
            try:
                self._write(is_end=is_end)
            except redis.RedisError as exc:
                LEDGER_FAILURES.inc()
                if not self._is_silent:
                    self._is_silent = True
                    logger.warning("the ledger was not written", extra={"error": reason(exc)})
            else:
                self._is_silent = False

    def _write(self, *, is_end: bool) -> None:
        # The position first, and the connections after: those that there were at this position are
        # written before whoever reads the ledger can see the position.
        journal, position = self._reached()
        if not journal or self._has_ended:
            return
        now = self._clock.now()
        before = self._process
        if before is None or before.journal != journal:
            before = self._begin(journal, position, now)
        if self._replaced is not None:
            LedgerWriter(self._broker, self._replaced.name).process(self._replaced, None)
            self._replaced = None
        for piece, noted in self._changed():
            try:
                self._writer.connections(piece)
            except redis.RedisError:
                for connection in noted:
                    connection.noted = None
                raise
        ended, self._ended = self._ended, {}
        try:
            self._writer.connections(ended)
        except redis.RedisError:
            self._ended = {**ended, **self._ended}
            raise
        forgotten = self._writer.forget(now)
        record = replace(
            before,
            written_at=now,
            position=position,
            connections=self._connections.count(),
            ended_at=now if is_end else None,
            forgotten_at=forgotten or before.forgotten_at,
            lost=self._lost,
        )
        mark = None
        if position > before.position:
            mark = Mark(position, before.written_at, now)
        if not self._writer.process(record, mark):
            # Redis was emptied: write all that there is again.
            record = replace(record, forgotten_at=now)
            for connection in self._all():
                connection.noted = None
        if self._process is before:  # else it goes on under another name
            self._process = record
        self._has_ended = is_end
        self._writer.tidy(now)

    def _begin(self, journal: str, position: int, now: datetime) -> ProcessRecord:
        """Go on under another name: at the start, and when the process follows another journal."""
        if self._process is not None:
            self._since = time.monotonic()
            self._writer.process(replace(self._process, written_at=now, ended_at=now), None)
        self._ended = {}
        self._process = self._begun(journal, position, now)
        return self._process

    def _begun(self, journal: str, position: int, now: datetime) -> ProcessRecord:
        """A record of this process under a new name, without Redis."""
        name, self._clocks = token_hex(6), (now, time.monotonic())
        self._writer = LedgerWriter(self._broker, name)
        for connection in self._all():
            connection.noted = None
        return ProcessRecord(
            name=name,
            host=socket.gethostname(),
            pid=os.getpid(),
            journal=journal,
            started_at=now,
            written_at=now,
            began=position,
            position=position,
            connections=0,
            every=self._seconds,
            lost=self._lost,
        )

    def _moment(self, monotonic: float) -> datetime:
        """The same for a connection each time, so that lists of connections keep their order."""
        now, here = self._clocks
        return now + timedelta(seconds=monotonic - here)

    def _all(self) -> Sequence[Connection]:
        return [*self._connections.all(), *self._connections.anonymous()]

    def _changed(self) -> Iterator[tuple[dict[str, Written], list[Connection]]]:
        """The connections that are to be written, in pieces. Each counts as written before it is:
        it may change again meanwhile."""
        assert self._process is not None
        everyone = self._all()
        for start in range(0, len(everyone), PIECE):
            piece: dict[str, Written] = {}
            noted: list[Connection] = []
            for connection in everyone[start : start + PIECE]:
                state = state_of(connection)
                if connection.noted == state or not self._is_kept(connection):
                    continue
                member = self._manager.member(connection.sid, NAMESPACE)
                if member is not None and member.state in CONNECTED:
                    record = record_of(
                        member, connection, self._process.name, self._moment(connection.since)
                    )
                    piece[connection.sid] = Written(record.text())
                    connection.noted = state
                    noted.append(connection)
            yield piece, noted
            time.sleep(0)

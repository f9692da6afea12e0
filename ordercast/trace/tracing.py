"""Asks the journal and the ledger what happened to events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import redis

from ordercast.broker import reason
from ordercast.events import EVERYBODY
from ordercast.journal import Head, Journal, Row
from ordercast.ledger import KEPT_SECONDS, ConnectionRecord, LedgerReader, ProcessRecord
from ordercast.trace.answers import EventTrace, ProcessTrace, Receipt, Trace
from ordercast.trace.judging import Judge, progress_of


class _Ledger(NamedTuple):
    """What was read of it. `unread`: why nothing was."""

    processes: Sequence[ProcessRecord] = ()
    connections: Sequence[ConnectionRecord] = ()
    unread: str | None = None


class Tracer:
    """`keep_days`: that an event is kept; 0: for ever. `is_on`: whether there is a ledger."""

    def __init__(
        self, journal: Journal, reader: LedgerReader, *, keep_days: float, is_on: bool
    ) -> None:
        self._journal = journal
        self._reader = reader
        self._keep_days = keep_days
        self._is_on = is_on

    def of_offset(self, offset: int) -> Trace:
        """Raises SQLAlchemyError."""
        head = self._journal.head()
        if offset > head.position or offset < 1:
            none = f"never existed: the last offset given is {head.position}"
            return Trace(head.position, head.lowest, none=none, none_code="never_existed")
        row = self._journal.row_at(offset) if offset >= head.lowest else None
        if row is None:
            none = f"pruned: the lowest offset kept is {head.lowest}"
            return Trace(head.position, head.lowest, none=none, none_code="pruned")
        return self._answer(head, [row])

    def of_key(self, key: str, *, limit: int) -> Trace:
        """The latest events about this. Raises SQLAlchemyError."""
        head = self._journal.head()
        rows = self._journal.rows_about(key, limit=limit)
        if not rows:
            kept = f"events are kept for {self._keep_days:g} days" if self._keep_days else ""
            none = f"no event in the journal has the key {key!r}: never existed, or pruned"
            none = f"{none} ({kept})" if kept else none
            return Trace(head.position, head.lowest, none=none, none_code="no_event")
        return self._answer(head, rows)

    def of_user(self, user: str, *, limit: int) -> Trace:
        """The user's connections, and the latest events of their rooms, on these. Raises
        SQLAlchemyError."""
        head = self._journal.head()
        now = self._journal.now()
        ledger = self._read(head, [user])
        theirs = [one for one in ledger.connections if one.user_id == user]
        rooms = dict.fromkeys([f"user:{user}", *(room for one in theirs for room in one.rooms)])
        rows = self._journal.latest_rows([*rooms, EVERYBODY], limit=limit)
        mine = ledger._replace(connections=theirs)
        events = tuple(self._event(row, mine, head, now) for row in rows)
        none = None if events else f"no event in the journal is for {', '.join(rooms)}"
        return Trace(
            head.position,
            head.lowest,
            events,
            none=none,
            none_code=None if events else "no_event",
            gaps=tuple(self._gaps(ledger, rows, now)),
            connections=tuple(sorted(theirs, key=lambda one: (one.since, one.sid))),
        )

    def _answer(self, head: Head, rows: Sequence[Row]) -> Trace:
        rooms = {room for row in rows for room in row.rooms}
        now = self._journal.now()
        ledger = self._read(head, [] if EVERYBODY in rooms else sorted(rooms))
        events = tuple(self._event(row, ledger, head, now) for row in rows)
        gaps = tuple(self._gaps(ledger, rows, now))
        return Trace(head.position, head.lowest, events, gaps=gaps)

    def _read(self, head: Head, having: Sequence[str]) -> _Ledger:
        """What the ledger has of connections in whose text one of these stands."""
        if not self._is_on:
            return _Ledger(unread="LEDGER_SECONDS is 0: the processes write no ledger")
        try:
            every = self._reader.processes(with_marks=True)
            processes = [one for one in every if one.journal == head.journal]
            # Once each, of the younger name of a process that goes on under another.
            connections = {
                one.sid: one
                for process in processes
                for one in self._reader.connections(process.name, having)
            }
        except redis.RedisError as exc:
            return _Ledger(unread=f"Redis does not answer: {reason(exc)}")
        return _Ledger(processes, [*connections.values()])

    def _event(self, row: Row, ledger: _Ledger, head: Head, now: datetime) -> EventTrace:
        event = EventTrace(
            id=row.id,
            offset=row.position,
            name=row.name,
            rooms=row.rooms,
            key=row.key,
            request_id=row.request_id,
            committed_at=row.committed_at,
            kept_until=self._kept_until(row.committed_at),
            fault=row.fault,
        )
        if row.position is None or ledger.unread is not None:
            return event
        event = self._with_batch(event, head)
        if row.fault is not None:
            return event
        by_name = {one.name: one for one in ledger.processes}
        receipts = Judge(row.position, row.rooms, by_name, now).receipts(ledger.connections)
        return replace(
            event,
            processes=tuple(_progress(ledger.processes, row.position, now)),
            receipts=tuple(receipts),
            rooms_without_clients=tuple(_without(row.rooms, receipts)),
        )

    def _kept_until(self, committed_at: datetime) -> datetime | None:
        try:
            return committed_at + timedelta(days=self._keep_days) if self._keep_days else None
        except OverflowError:
            return None

    def _with_batch(self, event: EventTrace, head: Head) -> EventTrace:
        assert event.offset is not None
        try:
            batch = self._reader.batch(head.journal, event.offset)
        except redis.RedisError:
            return event
        if batch is None:
            return event
        return replace(
            event,
            sequenced_after=batch.after,
            sequenced_until=batch.until,
            is_published=batch.is_published,
        )

    def _gaps(self, ledger: _Ledger, rows: Sequence[Row], now: datetime) -> Iterable[str]:
        if ledger.unread is not None:
            yield f"unknown to whom it was sent: {ledger.unread}"
            return
        oldest = min((row.committed_at for row in rows), default=now)
        if oldest < now - timedelta(seconds=KEPT_SECONDS):
            yield "connections that ended more than an hour ago are not kept"
        more = sum(one.more_rooms > 0 for one in ledger.connections)
        if more:
            yield f"{more} of the clients are in more rooms than the ledger keeps of one"
        for process in ledger.processes:
            name = f"process {process.pid} of {process.host}"
            if process.ended_at is None and not process.is_heard(now):
                yield f"{name} was killed, or could not write, after {process.written_at:%H:%M:%S}"
            since = process.forgotten_at
            if since is not None and since >= oldest:
                yield f"{name} has kept no connection that ended before {since:%H:%M:%S}"
            if process.lost:
                yield f"{name} could not write the end of {process.lost} connections"


def _progress(
    processes: Iterable[ProcessRecord], offset: int, now: datetime
) -> Iterable[ProcessTrace]:
    for process in processes:
        progress = progress_of(process, offset, now)
        if progress is not None:
            yield progress


def _without(rooms: Sequence[str], receipts: Sequence[Receipt]) -> Iterable[str]:
    """The rooms of which no client is in the receipts."""
    taken = {room for one in receipts for room in (*one.connection.rooms, one.connection.sid)}
    return (room for room in rooms if room not in taken and room != EVERYBODY)

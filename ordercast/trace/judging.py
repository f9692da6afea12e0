"""Whether connections got an event, by what the ledger has of them. Never a guess: what a process
had not written is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ordercast.events import EVERYBODY
from ordercast.ledger import ConnectionRecord, ProcessRecord
from ordercast.trace.answers import ProcessTrace, Progress, Receipt, ReceiptState

READ, SENT, WAITING = ReceiptState.READ, ReceiptState.SENT, ReceiptState.WAITING
MISSED, UNKNOWN = ReceiptState.MISSED, ReceiptState.UNKNOWN


def concerns(connection: ConnectionRecord, rooms: frozenset[str]) -> bool:
    """Whether the client was in one of the rooms at any time."""
    if EVERYBODY in rooms or connection.sid in rooms:
        return True
    return not rooms.isdisjoint(connection.rooms)


def progress_of(process: ProcessRecord, offset: int, now: datetime) -> ProcessTrace | None:
    """How far a process came with the event; None if it began behind it."""
    if process.began >= offset:
        return None
    mark = process.reached(offset)
    process = replace(process, marks=())  # thousands, which are for this alone
    if process.position >= offset:
        times = (None, None) if mark is None else (mark.after, mark.until)
        return ProcessTrace(process, Progress.SENT, *times)
    if process.ended_at is not None:
        return ProcessTrace(process, Progress.ENDED)
    return ProcessTrace(process, Progress.BEHIND if process.is_heard(now) else Progress.UNKNOWN)


class Judge:
    """Of one event with this offset in these rooms."""

    def __init__(
        self,
        offset: int,
        rooms: Iterable[str],
        processes: Mapping[str, ProcessRecord],
        now: datetime,
    ) -> None:
        self._offset = offset
        self._rooms = frozenset(rooms)
        self._processes = processes
        self._now = now

    def receipts(self, connections: Iterable[ConnectionRecord]) -> list[Receipt]:
        """The receipts of connections, in the order in which they began."""
        clients: dict[str, list[ConnectionRecord]] = {}
        for connection in connections:
            if concerns(connection, self._rooms):
                clients.setdefault(connection.client, []).append(connection)
        found = [receipt for one in clients.values() for receipt in self._of_client(one)]
        return sorted(found, key=lambda one: (one.connection.since, one.connection.sid))

    def _of_client(self, connections: list[ConnectionRecord]) -> Iterator[Receipt]:
        """Of the connections of one client."""
        connections.sort(key=lambda one: (one.since, one.sid))
        proof = self._proof(connections)
        got = [one for one in connections if one.has(self._offset, self._rooms, EVERYBODY)]
        for one in got:
            receipt = self._got(one, proof)
            # What came of an earlier connection does not matter where a later one has the event.
            if one is got[-1] or receipt.state in (READ, SENT):
                yield receipt
        if got:
            return
        last = connections[-1]
        if proof is not None:
            yield Receipt(proof.connection, READ, proof.why, proof.offset, proof.at)
        elif last.ended is not None and last.offset < last.ended.offset < self._offset:
            at, ending = last.ended.at, last.ended.ending
            yield Receipt(last, MISSED, f"not connected since {_time(at)} ({ending})", at=at)

    def _proof(self, connections: Sequence[ConnectionRecord]) -> Receipt | None:
        """What shows that the client has read the event: the first of what it said."""
        for one in connections:
            if one.acknowledged is not None and one.acknowledged >= self._offset:
                why = f"acknowledged up to {one.acknowledged}"
                return Receipt(one, READ, why, one.acknowledged, one.acknowledged_at)
            if one.is_recovered and one.offset >= self._offset:
                return Receipt(one, READ, f"came back with {one.offset}", one.offset, one.since)
        return None

    def _got(self, one: ConnectionRecord, proof: Receipt | None) -> Receipt:
        """Of a connection that the event was sent on, unless its process had not come so far."""
        if proof is not None:
            return Receipt(one, READ, proof.why, proof.offset, proof.at)
        process = self._processes.get(one.process)
        if process is None:
            return Receipt(one, UNKNOWN, "its process is not in the ledger")
        if one.ended is None and process.position < self._offset:
            return self._not_reached(one, process)
        if one.is_replaying:
            if one.ended is not None:
                return Receipt(one, UNKNOWN, "its replay broke off")
            return Receipt(one, WAITING, "the client has not got all yet that it missed")
        why = "sent, not acknowledged"
        if one.backlog_bytes:
            why += f"; {one.backlog_bytes:,} bytes wait for the client"
        if one.ended is not None:
            why += f"; it left at {_time(one.ended.at)} ({one.ended.ending})"
        return Receipt(one, SENT, why)

    def _not_reached(self, one: ConnectionRecord, process: ProcessRecord) -> Receipt:
        if process.ended_at is not None:
            at = process.ended_at
            return Receipt(one, MISSED, f"its process shut down at {_time(at)}", at=at)
        if process.is_heard(self._now):
            why = f"its process was at {process.position} at {_time(process.written_at)}"
            return Receipt(one, WAITING, why)
        at = process.written_at
        why = f"its process was killed, or could not write, after {_time(at)}"
        return Receipt(one, UNKNOWN, why, at=at)


def _time(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"

"""What the ledger has, for commands and pages."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from ordercast.broker import Broker
from ordercast.ledger.records import ConnectionRecord, Mark, ProcessRecord, moment, read_mark

TIMEOUT_SECONDS = 5.0  # for one answer of Redis
PIECE = 1000  # connections in one answer
UNREADABLE = (ValueError, KeyError, TypeError)  # of a record that another release has written


class Batch(NamedTuple):
    """The positions from `first` to `last` were given, and published, between two moments."""

    first: int
    last: int
    after: datetime
    until: datetime
    is_published: bool  # False: Redis did not take the message; processes read the journal


class LedgerReader:
    """Methods raise redis.RedisError."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._redis = broker.connect(timeout=TIMEOUT_SECONDS)

    def processes(self, *, with_marks: bool = False) -> list[ProcessRecord]:
        """The web processes, those that have ended or were killed as well, in the order of their
        starts. `with_marks`: with the times at which each came to which position."""
        found: Any = self._redis.hgetall(self._broker.ledger)
        read = []
        for name, text in found.items():
            marks = self._marks(name.decode()) if with_marks else ()
            try:
                read.append(ProcessRecord.read(name.decode(), text, marks))
            except UNREADABLE:
                continue
        return sorted(read, key=lambda one: (one.started_at, one.name))

    def _marks(self, process: str) -> tuple[Mark, ...]:
        found: Any = self._redis.lrange(self._broker.ledger_marks(process), 0, -1)
        return tuple(map(read_mark, found))

    def batch(self, journal: str, offset: int) -> Batch | None:
        """The batch in which this offset was given; None if that is not kept."""
        key = self._broker.ledger_batches(journal)
        found: Any = self._redis.xrange(key, min=f"{offset}-0", count=1)
        if not found:
            return None
        id, fields = found[0]
        batch = Batch(
            int(fields[b"first"]),
            int(id.partition(b"-")[0]),
            moment(int(fields[b"after"])),
            moment(int(fields[b"until"])),
            b"unpublished" not in fields,
        )
        return batch if batch.first <= offset else None

    def connections(self, process: str, having: Sequence[str] = ()) -> Iterator[ConnectionRecord]:
        """The connections of a process, and those that have ended; each once. `having`: only those
        in whose text one of these stands, such as the name of a room, so that the others need not
        be parsed."""
        wanted = [orjson.dumps(one) for one in having]
        for sid, text in self._texts(process):
            if wanted and not any(one in text for one in wanted):
                continue
            try:
                yield ConnectionRecord.read(process, sid, text)
            except UNREADABLE:
                continue

    def _texts(self, process: str) -> Iterator[tuple[str, bytes]]:
        key, cursor, seen = self._broker.ledger_connections(process), 0, set[bytes]()
        while True:
            answer: Any = self._redis.hscan(key, cursor, count=PIECE)
            cursor, found = answer
            for sid, text in found.items():
                if sid not in seen:  # a hash that grows meanwhile gives some twice
                    seen.add(sid)
                    yield sid.decode(), text
            if not cursor:
                return
            time.sleep(0)  # in a web process the others have a turn

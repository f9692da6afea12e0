"""What a process writes into the ledger, in one pipeline, and how long that is kept."""

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from ordercast.broker import Broker
from ordercast.ledger.records import KEPT_SECONDS, MAX_MARKS, Mark, ProcessRecord, mark_text

PIECE = 500  # connections in one command
MAX_ENDED = 10_000  # connections of one process that ended and are kept
TIDY_SECONDS = 60.0  # between two times that a process forgets others, which write no more
KEY_SECONDS = int(KEPT_SECONDS)


class Written(NamedTuple):
    """A connection's text, and when and where it ended, if it has."""

    text: bytes
    ended_at: datetime | None = None


class LedgerWriter:
    """Of one process. Methods raise redis.RedisError; what was not written can be written again."""

    def __init__(self, broker: Broker, process: str) -> None:
        self._redis = broker.connect()
        self._processes = broker.ledger
        self._process = process
        self._connections = broker.ledger_connections(process)
        self._marks = broker.ledger_marks(process)
        self._ended: deque[tuple[datetime, str]] = deque()  # the oldest first
        self._is_there = False  # whether Redis has had a record of this process
        self._tidy_at: datetime | None = None

    def connections(self, written: Mapping[str, Written]) -> None:
        """Write connections, by sid."""
        items = iter(written.items())
        while piece := dict(islice(items, PIECE)):
            fields: Any = {sid: one.text for sid, one in piece.items()}
            self._redis.hset(self._connections, mapping=fields)
            ended = ((one.ended_at, sid) for sid, one in piece.items() if one.ended_at is not None)
            self._ended.extend(ended)

    def process(self, record: ProcessRecord, mark: Mark | None) -> bool:
        """Write how far the process has come, behind its connections: whoever reads a position
        finds the connections that it had by then. -> False if Redis has lost what was written
        before."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hexists(self._processes, self._process)
        pipeline.hset(self._processes, self._process, record.text())
        if mark is not None:
            pipeline.lpush(self._marks, mark_text(mark))
            pipeline.ltrim(self._marks, 0, MAX_MARKS - 1)
        for key in (self._processes, self._connections, self._marks):
            pipeline.expire(key, KEY_SECONDS)
        was_there, *_ = pipeline.execute()
        is_complete = bool(was_there) or not self._is_there
        self._is_there = True
        return is_complete

    def forget(self, now: datetime) -> datetime | None:
        """Forget connections that ended long ago, and the oldest of too many -> when the youngest
        of these ended; None if there were none."""
        before = now - timedelta(seconds=KEPT_SECONDS)
        old = list(self._old(before))
        for start in range(0, len(old), PIECE):
            sids = [sid for _, sid in old[start : start + PIECE]]
            self._redis.hdel(self._connections, *sids)
            for _ in sids:
                self._ended.popleft()
        return old[-1][0] if old else None

    def _old(self, before: datetime) -> Iterator[tuple[datetime, str]]:
        too_many = len(self._ended) - MAX_ENDED
        for index, one in enumerate(self._ended):
            if index >= too_many and one[0] >= before:
                return
            yield one

    def tidy(self, now: datetime) -> None:
        """Forget processes that have written nothing for KEPT_SECONDS; their keys expire."""
        if self._tidy_at is not None and now < self._tidy_at:
            return
        self._tidy_at = now + timedelta(seconds=TIDY_SECONDS)
        found: Any = self._redis.hgetall(self._processes)
        old = [name for name, text in found.items() if _is_old(name.decode(), text, now)]
        if old:
            self._redis.hdel(self._processes, *old)


def _is_old(name: str, text: bytes, now: datetime) -> bool:
    try:
        record = ProcessRecord.read(name, text)
    except (ValueError, KeyError, TypeError):  # of another release
        return True
    return (now - record.written_at).total_seconds() > KEPT_SECONDS

"""The revocations in memory, so that neither a request nor a thousand clients that come back ask
the database each.

Loaded at the first check, and kept up to date by the table, read again at most once in
REFRESH_SECONDS for all connects, before a connect or a request when the host's count (counter.py)
has changed, by live/dismissal.py while there are connections, by the journal's control events, and
by this process's own revocations the moment they commit. The table also says when every token that
a revocation concerns has expired: then it is forgotten.
"""

import heapq
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from ordercast.errors import TokenError
from ordercast.identity import Identity
from ordercast.revocation.counter import Count
from ordercast.revocation.rules import Mark, Rules

REFRESH_SECONDS = 1.0
RELOAD_SECONDS = 3600.0  # without a read; then the whole table is read again
OVERLAP = timedelta(minutes=2)  # a revocation commits after its own timestamp

What = tuple[str, str]  # (kind, value)


class Stored(Protocol):
    """The table of revocations, and the rules by which they hit."""

    rules: Rules

    def recent(self, since: datetime | None) -> list[tuple[Mark, datetime | None]]: ...


class Revocations:
    def __init__(
        self,
        store: Stored,
        *,
        count: Callable[[], Count | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`count`: the host's, now; None: not known. `clock`: monotonic seconds."""
        self._store = store
        self._count_now = count
        self._clock = clock
        self.rules = store.rules
        self._marks: dict[What, Mark] = {}  # the latest of each
        self._until: dict[What, datetime] = {}  # until when it counts; missing: for ever
        self._ends: list[tuple[datetime, What]] = []  # a heap of these, and of those replaced
        self.loads = 0  # how often the whole table was read
        self._learned: dict[What, Mark] = {}  # learned since the connections were last checked
        self._refreshed = -RELOAD_SECONDS  # monotonic seconds
        self._count: Count | None = None  # the host's, from before the last read that was for it
        self._failure: SQLAlchemyError | None = None  # of the last read
        self._failed_at = 0.0  # monotonic seconds
        self._since: datetime | None = None  # None: everything has to be read
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many revocations are remembered."""
        return len(self._marks)

    def add(self, mark: Mark) -> bool:
        """Note the revocation of a control event -> whether it is new: then the caller closes the
        connections that it hits."""
        if self._since is not None and mark.at < self._since and mark.what not in self._marks:
            return False  # the table has been read past it: it was seen then, or counts no more
        return self._note(mark)

    def learn(self, mark: Mark) -> None:
        """Note a revocation; the caller of pop_learned() closes the connections that it hits."""
        if self._note(mark):
            self._learned[mark.what] = mark

    def pop_learned(self) -> list[Mark]:
        """The revocations learned since the last call, without those of control events."""
        learned, self._learned = self._learned, {}
        return list(learned.values())

    def refresh(self, seconds: float = REFRESH_SECONDS, count: Count | None = None) -> None:
        """Read the table, unless that was less than `seconds` ago, and for this count of the host's
        revocations. Raises SQLAlchemyError."""
        asked = self._clock()
        with self._lock:  # one thread reads, the others wait for its result, also a failure
            if self._failure is not None and self._failed_at >= asked:
                raise self._failure.with_traceback(None)
            is_counted = count is None or count == self._count
            if is_counted and self._clock() - self._refreshed < seconds:
                return
            try:
                self._read_table()
            except SQLAlchemyError as exc:
                self._failure, self._failed_at = exc, self._clock()
                raise
            self._failure = None
            if count is not None:
                self._count = count  # from before the read: a later revocation has another

    def hits(self, identity: Identity) -> Mark | None:
        """The revocation that this token, its login or its user has met: on this host until now,
        elsewhere up to REFRESH_SECONDS ago.

        Raises SQLAlchemyError when the table has to be read and cannot be.
        """
        # Count first, read second: a revocation in between changes the count once more.
        self.refresh(count=self._count_now())
        return self.known(identity)

    def known(self, identity: Identity) -> Mark | None:
        """As `hits`, but by what is in memory now."""
        for what in self.rules.concerning(identity):
            mark = self._marks.get(what)
            if mark is not None and self.rules.hits(identity, mark):
                return mark
        return None

    def refusal(self, identity: Identity) -> TokenError | None:
        """As `hits`, but the error to raise."""
        mark = self.hits(identity)
        return None if mark is None else self.rules.refusal(identity, mark)

    def _read_table(self) -> None:
        started, moment = self._clock(), datetime.now(UTC)
        if started - self._refreshed >= RELOAD_SECONDS:
            self._since = None
        rows = self._store.recent(self._since)
        if self._since is None:
            # Revocations that were withdrawn or pruned meanwhile are not in the table any more.
            recent = moment - OVERLAP
            self._marks = {what: mark for what, mark in self._marks.items() if mark.at > recent}
            self._until, self._ends = {}, []
            self.loads += 1
        for mark, expires_at in rows:
            if self._since is None:
                self._note(mark)
            elif expires_at is None or expires_at > moment:
                self.learn(mark)
            if expires_at is not None and self._marks.get(mark.what, mark).at <= mark.at:
                self._expect_end(mark.what, expires_at)
        self._forget(moment)
        self._refreshed, self._since = started, moment - OVERLAP

    def _note(self, mark: Mark) -> bool:
        # Keep the latest: the control event of an earlier revocation may arrive after it.
        known = self._marks.get(mark.what)
        if known is not None and known.at >= mark.at:
            return False
        self._marks[mark.what] = mark
        self._until.pop(mark.what, None)  # of an earlier revocation; the table has that of this one
        return True

    def _expect_end(self, what: What, until: datetime) -> None:
        if self._until.get(what) != until:
            self._until[what] = until
            heapq.heappush(self._ends, (until, what))

    def _forget(self, moment: datetime) -> None:
        while self._ends and self._ends[0][0] <= moment:
            until, what = heapq.heappop(self._ends)
            if self._until.get(what) == until:
                self._until.pop(what, None)
                self._marks.pop(what, None)

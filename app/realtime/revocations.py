"""The revocations in memory, so that a thousand clients coming back do not ask the database each.

Loaded when the process starts, kept up to date by the journal's control events, and by this
process's own revocations the moment they commit. Because a control event can be late (no worker,
no Redis), a connect also looks at the table, at most once in REFRESH_SECONDS for all of them. The
table also says when every token that a revocation concerns has expired: then it is forgotten.
"""

import heapq
import threading
import time
from datetime import datetime, timedelta

from app.accounts import revocation
from app.accounts.models import RevocationKind
from app.accounts.revocation import Mark
from app.accounts.tokens import Identity
from app.db import now

REFRESH_SECONDS = 1.0
OVERLAP = timedelta(minutes=2)  # a revocation commits after its own timestamp

What = tuple[str, str]  # (kind, value)


class Revocations:
    def __init__(self, *, leeway: float = 0) -> None:
        self.leeway = leeway  # seconds by which clocks may differ
        self._marks: dict[What, Mark] = {}  # the latest of each
        self._until: dict[What, datetime] = {}  # until when it counts; missing: for ever
        self._ends: list[tuple[datetime, What]] = []  # a heap of these, and of those replaced
        self._refreshed = -REFRESH_SECONDS  # monotonic seconds
        self._since: datetime | None = None  # None: everything has to be read
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._marks)

    def add(self, kind: RevocationKind, value: str, revoked_at: datetime) -> None:
        self._note(Mark(kind.value, value, revoked_at))

    def on_revoked(self, _app: object, *, kind: RevocationKind, value: str, at: datetime) -> None:
        """This process itself revoked something, and it has committed."""
        self.add(kind, value, at)

    def hits(self, identity: Identity) -> Mark | None:
        """The revocation that this token, its login or its user has met, up to REFRESH_SECONDS ago.

        Needs an app context. Raises SQLAlchemyError when it has to look and cannot.
        """
        with self._lock:  # one reads, the others wait for what it finds
            if time.monotonic() - self._refreshed >= REFRESH_SECONDS:
                self._refresh()
        for what in revocation.concerned(identity):
            mark = self._marks.get(what)
            if mark is not None and revocation.hits(identity, mark, leeway=self.leeway):
                return mark
        return None

    def _refresh(self) -> None:
        started, moment = time.monotonic(), now()
        for kind, value, revoked_at, expires_at in revocation.recent(self._since):
            mark = Mark(kind, value, revoked_at)
            self._note(mark)
            if expires_at is not None and self._marks[mark.what] == mark:
                self._expect_end(mark.what, expires_at)
        self._forget(moment)
        self._refreshed, self._since = started, moment - OVERLAP

    def _note(self, mark: Mark) -> None:
        # The latest counts: a control event can tell late of one before it.
        known = self._marks.get(mark.what)
        if known is None or known.at < mark.at:
            self._marks[mark.what] = mark
            self._until.pop(
                mark.what, None
            )  # said of an earlier one; the table says it of this one

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

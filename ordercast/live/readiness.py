"""The checks of `/readyz` for the delivery: whether a worker runs, and whether events are late."""

import time

from ordercast import health
from ordercast.journal import Journal
from ordercast.live.follower import Follower

HEARD_SECONDS = 4.0  # a worker announces the head each second, while its sequencer comes through
NOT_HEARD = "not heard"


class Readiness:
    """The checks of a process that follows the journal; a process that does not follow only asks
    the database how long the oldest event has waited."""

    def __init__(self, follower: Follower, journal: Journal) -> None:
        self._journal = journal
        self._follower = follower
        self._since: float | None = None  # following; monotonic seconds
        self._unsequenced = health.Queue()
        self._noted = (0, 0.0)  # a head, and when it was seen, monotonic seconds

    def begin(self) -> None:
        self._since = time.monotonic()

    def worker(self) -> str:
        """Whether a worker was heard lately."""
        if self._since is None:
            return health.OK
        last = max(self._since, self._follower.announced)
        return health.OK if time.monotonic() - last < HEARD_SECONDS else NOT_HEARD

    def delivery(self) -> str:
        """Whether what was committed some seconds ago has its position and was fanned out here.
        Raises SQLAlchemyError."""
        waited = self._unsequenced.seconds(self._journal.oldest_waiting())
        late = waited > health.LATE_SECONDS or self._is_behind()
        return health.DELAYED if late else health.OK

    def _is_behind(self) -> bool:
        if self._since is None:
            return False
        head, seen = self._noted
        if self._follower.last >= head:
            self._noted = self._journal.head().position, time.monotonic()
            return False
        return time.monotonic() - seen > health.LATE_SECONDS

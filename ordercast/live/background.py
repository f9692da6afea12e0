"""What runs in the background of a web process, and whether it has begun to follow the journal."""

import logging
import os
import threading

from ordercast.captures import Captures
from ordercast.database import Database
from ordercast.journal import Marks
from ordercast.live.distribution import Distribution
from ordercast.live.marking import keep_marked
from ordercast.live.readiness import Readiness

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 8.0  # for an answer of the database; then 503, and the follower tries again
READY_SECONDS = 5  # how long a connect waits for the follower of a process that just started


class Background:
    def __init__(
        self,
        distribution: Distribution,
        readiness: Readiness,
        marks: Marks,
        *,
        database: Database,
        captures: Captures,
    ) -> None:
        self._distribution = distribution
        self._follower = distribution.follower
        self._subscription = distribution.subscription()
        self._readiness = readiness
        self._marks = marks
        self._database = database
        self._captures = captures
        self._started_in: int | None = None  # process id
        self._starting = threading.Lock()

    def start(self) -> None:
        """Start listening in this process; calling it again is harmless. Call it after any fork:
        background tasks do not survive one."""
        with self._starting:
            if self._started_in == os.getpid() or self._captures.is_quiet:
                return
            self._started_in = os.getpid()
            self._distribution.manager.forget_host()
            self._readiness.begin()
            self._database.limit_answers(ANSWER_SECONDS)
            # Subscribe first, read second: an event published in between is received or read.
            start_task = self._distribution.start_task
            start_task(self._subscription.run)
            start_task(self._follower.run)
            start_task(keep_marked, self._follower, self._marks)
            start_task(self._distribution.dismissal.run)
            if self._distribution.bookkeeper.is_on:
                start_task(self._distribution.bookkeeper.run)
            logger.info("following the journal")

    def stop(self) -> None:
        """Write down how this process ended, if it has begun to follow the journal."""
        bookkeeper = self._distribution.bookkeeper
        if self._started_in == os.getpid() and bookkeeper.is_on:
            bookkeeper.write(is_end=True)

    def wait_until_tried(self) -> None:
        """Return when the journal was read, or could not be. Before the first connection: thousands
        of clients that come back at once would have the follower wait its turn among them for each
        answer of the database, until their connects fail."""
        if self._started_in is not None:
            self._follower.tried.wait(READY_SECONDS)

    def wait_until_ready(self) -> None:
        """Raises TimeoutError."""
        if not self._captures.is_quiet and not self._follower.ready.wait(READY_SECONDS):
            raise TimeoutError("the follower does not know its position yet")

    def has_journal(self) -> bool:
        """Whether this process follows the journal; a process that just started tries first."""
        self.wait_until_tried()
        return self._follower.ready.is_set()

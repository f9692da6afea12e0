"""A loop: one thread that repeats a step."""

import logging
import random
import threading
import time

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from ordercast.journal import HeadLocked, Journal
from ordercast.metrics import STEP_FAILURES
from ordercast.worker.steps import Run

logger = logging.getLogger(__name__)

LATE_SECONDS = 5.0  # beyond the time between two steps
LONGEST_WAIT_SECONDS = 30.0  # between tries of a step that keeps failing


class Loop(threading.Thread):
    """Repeats a step: at once while it says there is more, else after `seconds` or when woken.
    A step that fails is logged and tried again, later and later.

    A daemon: a step that hangs, because the database does, must not hold up the end of the process.
    The step's open transaction is rolled back.
    """

    def __init__(
        self,
        app: Flask,
        name: str,
        step: Run,
        seconds: float,
        *,
        journal: Journal,
        stop: threading.Event,
        wake: threading.Event | None = None,
        longest: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._app = app
        self._journal = journal
        self._step = step
        self._seconds = seconds
        self._stop_asked = stop
        self._wake = wake or stop
        self._longest = longest
        self._failures = STEP_FAILURES.labels(name)
        self.came_through = time.monotonic()  # when a step last succeeded
        self.busy_since: float | None = None  # when the running step began; None: no step runs

    @property
    def is_late(self) -> bool:
        """Whether no step has succeeded for far longer than there is between two."""
        return time.monotonic() - self.came_through > self._seconds + LATE_SECONDS

    def run(self) -> None:
        wait = self._seconds
        while not self._stop_asked.is_set():
            self.busy_since = time.monotonic()
            more = self._attempt()
            self.busy_since = None
            if more is None:
                wait = min(max(wait, 0.5) * 2 * random.uniform(0.75, 1), self._longest)
            else:
                wait = self._seconds
            if not more:
                self._wake.wait(wait)
                if self._wake is not self._stop_asked:
                    self._wake.clear()

    def _attempt(self) -> bool | None:
        """One step -> whether there may be more to do at once; None if it failed."""
        try:
            with self._app.app_context():
                more = self._step()
        except HeadLocked:
            extra = {"loop": self.name, "by": self._holders()}
            logger.warning("the journal's head is locked; events wait", extra=extra)
            self._failures.inc()
            return None
        except Exception:
            logger.exception("step failed", extra={"loop": self.name})
            self._failures.inc()
            return None
        self.came_through = time.monotonic()
        return bool(more)

    def _holders(self) -> list[str]:
        try:
            return self._journal.holders()
        except SQLAlchemyError as exc:
            return [f"unknown: {exc}"]

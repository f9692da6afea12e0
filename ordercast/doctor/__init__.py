"""`flask doctor`: what the service needs, checked for real, and what to do where it fails.

finding.py   a check, and what it finds
database.py  redis.py  process.py  accounts.py  worker.py  journal.py  inbox.py  web.py
             the checks, by subject
"""

import logging
import threading
import time
from collections.abc import Iterator

from flask import Flask, current_app

from app.config import Settings
from ordercast.doctor import accounts, database, inbox, journal, process, redis, web, worker
from ordercast.doctor.finding import Check, Finding, Level, Unhealthy, first_line

logger = logging.getLogger(__name__)

__all__ = ["CHECKS", "Finding", "Level", "examine"]

CHECKS: tuple[Check, ...] = (
    *database.CHECKS,
    *redis.CHECKS,
    *process.CHECKS,
    *accounts.CHECKS,
    *worker.CHECKS,
    *journal.CHECKS,
    *inbox.CHECKS,
    *web.CHECKS,
)


class _Run(threading.Thread):
    """One check. A daemon: a database that hangs must not hold up the end of the process."""

    def __init__(self, app: Flask, settings: Settings, check: Check) -> None:
        super().__init__(name=check.name, daemon=True)
        self._app = app
        self._settings = settings
        self._check = check
        self._finding: Finding | None = None
        self._deadline = time.monotonic() + check.seconds
        self.start()

    def run(self) -> None:
        name = self._check.name
        try:
            with self._app.app_context():
                found = Finding(name, Level.OK, self._check.ask(self._settings))
        except Unhealthy as exc:
            text, advice = exc.args
            found = Finding(name, exc.level, text, advice)
        except Exception as exc:
            logger.exception("check failed", extra={"check": name})
            text = f"the check itself failed: {type(exc).__name__}: {first_line(exc)}"
            found = Finding(name, Level.FAIL, text, "What was logged above says where.")
        self._finding = found

    def finding(self) -> Finding:
        """What the check found, at the latest when its time is over."""
        self.join(max(0.0, self._deadline - time.monotonic()))
        return self._finding or Finding(
            self._check.name,
            Level.FAIL,
            f"no answer within {self._check.seconds:.0f} s",
            "What is asked takes connections and does not answer: see its own log.",
        )


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every check, all at once -> findings in the order of CHECKS, as they are made. Needs an
    application context."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    for run in [_Run(app, settings, check) for check in CHECKS]:
        yield run.finding()

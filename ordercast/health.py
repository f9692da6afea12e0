"""Readiness: small checks, each with a deadline, from which `/readyz` is made.

Each part adds its own check when the application is made; a team's own come with `cast.check`.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask

from ordercast.runs import Run, Shared, Unanswered

logger = logging.getLogger(__name__)

OK = "ok"
UNAVAILABLE = "unavailable"
DELAYED = "delayed"
LATE_SECONDS = 3.0  # of waiting, after which an entry is late


class Degraded(str):
    """An answer of a required check with which the process still serves: not 503."""


class Queue:
    """How long the first entry of a queue has waited: by its own timestamp, or as long as this
    process has seen it to be the first, whichever is longer. Clocks jump, and any program may write
    a timestamp."""

    def __init__(self) -> None:
        self._first: object = None
        self._seen = 0.0  # monotonic seconds

    def seconds(self, first: tuple[object, float] | None) -> float:
        """`first` is (its id, its age in seconds), None if nothing waits."""
        if first is None:
            self._first = None
            return 0.0
        if first[0] != self._first:
            self._first, self._seen = first[0], time.monotonic()
        return max(first[1], time.monotonic() - self._seen)


@dataclass(frozen=True)
class Check:
    """`ask` returns `ok` or says in a few words what is wrong; raising means `unavailable`. Called
    in a thread (in a web process: a greenlet) inside an application context, one run at a time."""

    name: str
    ask: Callable[[], str]
    required: bool = False  # the process cannot serve without it: 503, and not only `degraded`


class _Answers:
    """The answers of a check, of which a change is one line of the log, and not one a second."""

    def __init__(self, app: Flask, check: Check) -> None:
        self.check = check
        self.begin = Shared(app, check.name, check.ask).begin
        self._lock = threading.Lock()
        self._last = OK

    def of(self, run: Run[str]) -> str:
        answer, reason = UNAVAILABLE, None
        try:
            answer = run.answer()
        except Unanswered as exc:
            reason = str(exc)
        with self._lock:
            changed, self._last = answer != self._last, answer
        if changed:
            level = logging.INFO if answer == OK else logging.WARNING
            extra = {"check": self.check.name, "answer": answer, "reason": reason}
            logger.log(level, "readiness changed", extra=extra)
        return answer


class Health:
    """The checks of one application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._checks: list[_Answers] = []

    def add(self, check: Check) -> None:
        """Add a check to `/readyz`."""
        self._checks.append(_Answers(self._app, check))

    def examine(self) -> tuple[dict[str, str], str]:
        """Run all checks at once -> ({name: answer}, ok | degraded | unavailable), after
        DEADLINE_SECONDS at the latest."""
        runs = [(each, each.begin()) for each in self._checks]
        answers = {each.check.name: each.of(run) for each, run in runs}
        wrong = [each.check for each, _ in runs if answers[each.check.name] != OK]
        if any(check.required and type(answers[check.name]) is not Degraded for check in wrong):
            return answers, UNAVAILABLE
        return answers, "degraded" if wrong else OK

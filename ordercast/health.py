"""Readiness: small checks, each with a deadline, from which `/readyz` is made.

Each part adds its own check when the application is made; a team's own come with `cast.check`.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger(__name__)

OK = "ok"
UNAVAILABLE = "unavailable"
DELAYED = "delayed"
LATE_SECONDS = 3.0  # of waiting, after which an entry is late
DEADLINE_SECONDS = 2.0  # from the start of a check; then its answer is `unavailable`


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


class _Shared:
    """Shares one run of a check among all requests that come meanwhile: however many balancers ask,
    and however long the check hangs, there is one query and one connection."""

    def __init__(self, app: Flask, check: Check) -> None:
        self.check = check
        self._app = app
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._last = OK  # for the log: a change is one line, not one a second

    def begin(self) -> "_Run":
        """The run that is under way, or else a new one."""
        with self._lock:
            if self._run is None or self._run.done.is_set():
                self._run = _Run(self._app, self.check)
            return self._run

    def answer(self, run: "_Run") -> str:
        left = run.started + DEADLINE_SECONDS - time.monotonic()
        if run.done.wait(max(0.0, left)):
            answer, reason = run.answer, run.reason
        else:
            answer, reason = UNAVAILABLE, f"no answer within {DEADLINE_SECONDS:.0f} s"
        with self._lock:
            changed, self._last = answer != self._last, answer
        if changed:
            level = logging.INFO if answer == OK else logging.WARNING
            extra = {"check": self.check.name, "answer": answer, "reason": reason}
            logger.log(level, "readiness changed", extra=extra)
        return answer


class _Run:
    def __init__(self, app: Flask, check: Check) -> None:
        self._app = app
        self._check = check
        self.started = time.monotonic()
        self.done = threading.Event()
        self.answer = UNAVAILABLE
        self.reason: str | None = None
        threading.Thread(target=self._ask, name=f"check {check.name}", daemon=True).start()

    def _ask(self) -> None:
        try:
            with self._app.app_context():
                self.answer = self._check.ask()
        except (SQLAlchemyError, redis.RedisError, OSError) as exc:
            self.reason = str(exc)
        except Exception:
            logger.exception("readiness check failed", extra={"check": self._check.name})
            self.reason = "the check itself failed"
        finally:
            self.done.set()


class Health:
    """The checks of one application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._checks: list[_Shared] = []

    def add(self, check: Check) -> None:
        """Add a check to `/readyz`."""
        self._checks.append(_Shared(self._app, check))

    def examine(self) -> tuple[dict[str, str], str]:
        """Run all checks at once -> ({name: answer}, ok | degraded | unavailable), after
        DEADLINE_SECONDS at the latest."""
        runs = [(shared, shared.begin()) for shared in self._checks]
        answers = {shared.check.name: shared.answer(run) for shared, run in runs}
        wrong = [shared.check for shared, _ in runs if answers[shared.check.name] != OK]
        if any(check.required for check in wrong):
            return answers, UNAVAILABLE
        return answers, "degraded" if wrong else OK

"""Questions to other servers, each with a deadline and one run at a time."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import redis
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 2.0  # from the start of a run

T = TypeVar("T")


class Unanswered(Exception):
    """The question raised an error, or is not answered within the deadline; the text says it."""


class Shared(Generic[T]):
    """Shares one run of a question among all that ask meanwhile: however many ask, and however long
    the run hangs, there is one query and one connection. `ask` is called in a thread (in a web
    process: a greenlet) inside an application context."""

    def __init__(self, app: Flask, name: str, ask: Callable[[], T]) -> None:
        self.name = name
        self._app = app
        self._ask = ask
        self._lock = threading.Lock()
        self._run: Run[T] | None = None

    def begin(self) -> "Run[T]":
        """The run that is under way, or else a new one."""
        with self._lock:
            if self._run is None or self._run.is_done:
                self._run = Run(self._app, self.name, self._ask)
            return self._run


class Run(Generic[T]):
    def __init__(self, app: Flask, name: str, ask: Callable[[], T]) -> None:
        self._app = app
        self._name = name
        self._ask = ask
        self._started = time.monotonic()
        self._done = threading.Event()
        self._answers: list[T] = []  # one, unless it failed
        self._problem = ""
        threading.Thread(target=self._run, name=f"check {name}", daemon=True).start()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def answer(self) -> T:
        """Wait for the answer, until the deadline of the run. Raises Unanswered."""
        left = self._started + DEADLINE_SECONDS - time.monotonic()
        if not self._done.wait(max(0.0, left)):
            raise Unanswered(f"no answer within {DEADLINE_SECONDS:.0f} s")
        if not self._answers:
            raise Unanswered(self._problem)
        return self._answers[0]

    def _run(self) -> None:
        try:
            with self._app.app_context():
                self._answers.append(self._ask())
        except (SQLAlchemyError, redis.RedisError, OSError) as exc:
            self._problem = str(exc)
        except Exception:
            logger.exception("readiness check failed", extra={"check": self._name})
            self._problem = "the check itself failed"
        finally:
            self._done.set()

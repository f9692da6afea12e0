"""All examinations at once, each in its thread."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator

from flask import Flask

from ordercast.broker import Broker
from ordercast.database import Database
from ordercast.doctor import (
    clocks,
    connections,
    database,
    hosts,
    inbox,
    issuer,
    journal,
    process,
    redis,
    worker,
)
from ordercast.doctor.finding import Examination, Finding, Level, Unhealthy, first_line
from ordercast.journal import Journal
from ordercast.settings import Settings

logger = logging.getLogger(__name__)


class Doctor:
    """The library's examinations, then `more`, those of the team. A team's examination with the
    name of one of the library's is made together with that one, as one finding. `steps`: how many
    the team has added to the worker."""

    def __init__(
        self,
        app: Flask,
        *,
        settings: Settings,
        broker: Broker,
        database: Database,
        journal: Journal,
        steps: int,
        more: Iterable[Examination] = (),
    ) -> None:
        self._app = app
        self._by_name: dict[str, Examination] = {}
        for examination in (*_library(settings, broker, database, journal, steps), *more):
            known = self._by_name.get(examination.name)
            both = examination if known is None else known.and_also(examination)
            self._by_name[examination.name] = both

    def examine(self) -> Iterator[Finding]:
        """Begin all examinations at once -> findings, in their order, each once it is made."""
        for run in [_Run(self._app, each) for each in self._by_name.values()]:
            yield run.finding()


def _library(
    settings: Settings, broker: Broker, engine: Database, events: Journal, steps: int
) -> Iterator[Examination]:
    yield from database.examinations(engine)
    yield from connections.examinations(engine, broker, steps=steps)
    yield from redis.examinations(broker)
    yield from clocks.examinations(broker, events)
    yield from process.examinations(settings)
    yield from hosts.examinations(settings, broker)
    yield from issuer.examinations(settings)
    yield from worker.examinations(broker, events)
    yield from journal.examinations(engine)
    yield from inbox.examinations(broker)


class _Run(threading.Thread):
    """One examination. A daemon: a database that hangs must not hold up the end of the process."""

    def __init__(self, app: Flask, examination: Examination) -> None:
        super().__init__(name=examination.name, daemon=True)
        self._app = app
        self._examination = examination
        self._finding: Finding | None = None
        self._deadline = time.monotonic() + examination.seconds
        self.start()

    def run(self) -> None:
        name = self._examination.name
        try:
            with self._app.app_context():
                found = Finding(name, Level.OK, self._examination.ask())
        except Unhealthy as exc:
            text, advice = exc.args
            found = Finding(name, exc.level, text, advice)
        except Exception as exc:
            logger.exception("check failed", extra={"check": name})
            text = f"the check itself failed: {type(exc).__name__}: {first_line(exc)}"
            found = Finding(name, Level.FAIL, text, "What was logged above says where.")
        self._finding = found

    def finding(self) -> Finding:
        """The finding of the examination, at the latest when its time is over."""
        self.join(max(0.0, self._deadline - time.monotonic()))
        return self._finding or Finding(
            self._examination.name,
            Level.FAIL,
            f"no answer within {self._examination.seconds:.0f} s",
            "What is asked takes connections and does not answer: see its own log.",
        )

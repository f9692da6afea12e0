"""What is measured when the metrics are read, of what all processes stand on: the journal's head,
what waits, and whether the database and Redis answer."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from flask import Flask
from prometheus_client.core import GaugeMetricFamily

from ordercast.broker import Broker
from ordercast.health import Queue
from ordercast.inbox.sender import oldest
from ordercast.journal import Journal
from ordercast.metrics import (
    DATABASE_UP,
    FOLLOWER_LAG,
    INBOX_ENTRIES,
    INBOX_SECONDS,
    JOURNAL_HEAD,
    REDIS_UP,
    UNSEQUENCED_EVENTS,
    UNSEQUENCED_SECONDS,
    Measured,
)
from ordercast.runs import Run, Shared, Unanswered

MAX_COUNTED = 10_000  # of what waits for a position: a count reads that many rows


class JournalState(NamedTuple):
    head: int
    waiting: int
    seconds: float  # of the oldest that waits


class InboxState(NamedTuple):
    waiting: int
    seconds: float


class Backlog(NamedTuple):
    """What waits for the workers now. None: the database, or Redis, does not answer."""

    head: int | None  # the journal's last position
    events: int | None  # committed, without a position yet; counted up to 10,000
    events_seconds: float | None  # that the oldest of them has waited
    entries: int | None  # of the inbox
    entries_seconds: float | None


class Probes:
    """Asks the database and Redis, each with a deadline."""

    def __init__(self, app: Flask, journal: Journal, broker: Broker) -> None:
        self._journal = journal
        self._broker = broker
        self._unsequenced, self._entries = Queue(), Queue()
        self._of_journal = Shared(app, "metrics of the journal", self._ask_journal)
        self._of_inbox = Shared(app, "metrics of the inbox", self._ask_inbox)
        self._of_redis = Shared(app, "metrics of Redis", self._ask_redis)

    def measure(self, followed: Mapping[str, float]) -> Iterator[GaugeMetricFamily]:
        """`followed`: the positions that the processes have fanned out, by their numbers."""
        runs = self._of_journal.begin(), self._of_inbox.begin(), self._of_redis.begin()
        journal, inbox, _ = answers = [_answer(run) for run in runs]
        yield _gauge(DATABASE_UP, answers[0] is not None)
        yield _gauge(REDIS_UP, answers[2] is not None)
        if isinstance(journal, JournalState):
            yield _gauge(JOURNAL_HEAD, journal.head)
            yield _gauge(UNSEQUENCED_EVENTS, journal.waiting)
            yield _gauge(UNSEQUENCED_SECONDS, journal.seconds)
            lag = GaugeMetricFamily(
                FOLLOWER_LAG.name, FOLLOWER_LAG.documentation, labels=["process"]
            )
            for process, position in followed.items():
                if position:  # it follows
                    lag.add_metric([process], max(0.0, journal.head - position))
            yield lag
        if isinstance(inbox, InboxState):
            yield _gauge(INBOX_ENTRIES, inbox.waiting)
            yield _gauge(INBOX_SECONDS, inbox.seconds)

    def backlog(self) -> Backlog:
        """What waits. Never fails."""
        runs = self._of_journal.begin(), self._of_inbox.begin()
        journal, inbox = [_answer(run) for run in runs]
        return Backlog(
            *(journal if isinstance(journal, JournalState) else (None, None, None)),
            *(inbox if isinstance(inbox, InboxState) else (None, None)),
        )

    def _ask_journal(self) -> JournalState:
        head = self._journal.head().position
        seconds = self._unsequenced.seconds(self._journal.oldest_waiting())
        return JournalState(head, self._journal.count_waiting(MAX_COUNTED), seconds)

    def _ask_inbox(self) -> InboxState:
        with self._broker.connect() as client:
            waiting = int(client.xlen(self._broker.inbox))
            return InboxState(waiting, self._entries.seconds(oldest(client, self._broker)))

    def _ask_redis(self) -> bool:
        with self._broker.connect() as client:
            return bool(client.ping())


def _answer(
    run: Run[JournalState] | Run[InboxState] | Run[bool],
) -> JournalState | InboxState | bool | None:
    try:
        return run.answer()
    except Unanswered:
        return None


def _gauge(declared: Measured, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(declared.name, declared.documentation, value=float(value))

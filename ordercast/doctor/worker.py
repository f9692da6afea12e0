"""A worker runs, and no event waits long for its position."""

from collections.abc import Iterator

import orjson
from sqlalchemy.exc import SQLAlchemyError

from ordercast import health
from ordercast.broker import Broker
from ordercast.doctor.finding import Doubtful, Examination, Unhealthy
from ordercast.doctor.redis import MARK, messages, told
from ordercast.journal import Journal

HEARD_SECONDS = 3.0  # each worker announces its head each second


def examinations(broker: Broker, journal: Journal) -> Iterator[Examination]:
    yield Examination("worker", lambda: _worker(broker, journal))
    yield Examination("journal", lambda: _journal(journal))


def _worker(broker: Broker, journal: Journal) -> str:
    try:
        ours = journal.head().journal
    except SQLAlchemyError as exc:
        raise Unhealthy("cannot tell without the database", "Repair the database first.") from exc
    with broker.connect() as client, told(), client.pubsub() as pubsub:
        # Listen to both, as a web process does: listening to the journal alone, this examination
        # would hide a stranger on the other channel from the examination of the neighbours.
        pubsub.subscribe(broker.journal_channel, broker.queue_channel)
        announced = {_journal_of(data) for data in messages(pubsub, seconds=HEARD_SECONDS)}
    strangers = {name for name in announced if name and not name.startswith(MARK)} - {ours}
    if ours not in announced:
        raise Unhealthy("no worker announces the journal", "Run: flask ordercast worker")
    if strangers:
        raise Doubtful(
            f"running, and {broker.journal_channel} carries the journal of another database too",
            "Two services here drain one inbox: give one of them another database number of Redis,"
            " or another ORDERCAST_REDIS_PREFIX.",
        )
    return "running"


def _journal_of(message: bytes) -> str:
    """The journal's name in an announcement; empty for another message."""
    try:
        return str(orjson.loads(message)["journal"])
    except (ValueError, KeyError, TypeError):
        return ""


def _journal(journal: Journal) -> str:
    try:
        oldest = journal.oldest_waiting()
        if oldest is None or oldest[1] < health.LATE_SECONDS:
            return "nothing waits for its position"
        by = journal.holders()
    except SQLAlchemyError as exc:
        raise Unhealthy("cannot tell without the database", "Repair the database first.") from exc
    raise Unhealthy(
        f"an event has waited for its position for {oldest[1]:.0f} s",
        f"The head is held by {'; '.join(by)}: end that transaction."
        if by
        else "See the worker's log, and that one runs: flask ordercast worker",
    )

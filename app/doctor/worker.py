"""A worker gives events their positions, and none waits for it."""

from sqlalchemy.exc import SQLAlchemyError

from app import health, journal
from app.broker import Broker
from app.config import Settings
from app.doctor.finding import Check, Unhealthy
from app.doctor.redis import heard, told

HEARTBEAT_SECONDS = 3.0  # the worker announces the head each second


def _worker(settings: Settings) -> str:
    """Another database's worker may announce its journal on the same Redis: that is not ours."""
    try:
        ours = f'"journal":"{journal.head().journal}"'.encode()
    except SQLAlchemyError as exc:
        raise Unhealthy("cannot tell without the database", "Repair the database first.") from exc
    broker = Broker.of(settings)
    with broker.connect() as client, told(), client.pubsub() as pubsub:
        pubsub.subscribe(broker.journal_channel)
        running = heard(pubsub, lambda data: ours in data, seconds=HEARTBEAT_SECONDS)
    if not running:
        raise Unhealthy("no worker announces the journal", "Run: flask --app wsgi worker")
    return "running"


def _journal(settings: Settings) -> str:
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
        else "See the worker's log, and that one runs: flask --app wsgi worker",
    )


CHECKS = (Check("worker", _worker), Check("journal", _journal))

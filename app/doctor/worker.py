"""A worker gives events their positions."""

from sqlalchemy.exc import SQLAlchemyError

from app import journal
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


CHECKS = (Check("worker", _worker),)

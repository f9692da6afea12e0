"""What `/readyz` asks of the database, of Redis and of the inbox; live/ adds its own."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from ordercast.broker import Broker
from ordercast.database import Database, Outage, outage
from ordercast.health import DELAYED, LATE_SECONDS, OK, Check, Queue
from ordercast.inbox.sender import oldest
from ordercast.journal import Journal
from ordercast.metrics import INBOX_SECONDS


def checks(database: Database, journal: Journal, broker: Broker) -> Iterator[Check]:
    queue = Queue()
    yield Check("database", lambda: _database(database, journal), required=True)
    # Without Redis events are slower and none is lost: the process serves.
    yield Check("redis", lambda: _redis(broker))
    yield Check("inbox", lambda: _inbox(broker, queue))


def _database(database: Database, journal: Journal) -> str:
    """A process that can only read cannot serve: no change, no event, no position."""
    try:
        database.probe()
    except SQLAlchemyError as exc:
        if (kind := outage(exc)) is None or kind is Outage.AWAY:
            raise
        return kind.value
    journal.head()
    return OK


def _redis(broker: Broker) -> str:
    with broker.connect() as client:
        client.ping()
    return OK


def _inbox(broker: Broker, queue: Queue) -> str:
    with broker.connect() as client:
        waited = queue.seconds(oldest(client, broker))
    INBOX_SECONDS.set(waited)
    return OK if waited < LATE_SECONDS else DELAYED

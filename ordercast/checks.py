from collections.abc import Iterator

import redis
from sqlalchemy.exc import SQLAlchemyError

from ordercast.broker import Broker
from ordercast.database import Database, Outage, outage
from ordercast.health import DELAYED, LATE_SECONDS, OK, UNAVAILABLE, Check, Degraded, Queue
from ordercast.inbox.sender import oldest
from ordercast.journal import Journal
from ordercast.key_set import KeySet

PROBE_MS = 1000  # for which the key of a check stays
# What Redis says to a write that it does not take.
REFUSALS: dict[type[redis.RedisError], str] = {
    redis.exceptions.OutOfMemoryError: "full",
    redis.exceptions.ReadOnlyError: "read-only",
    redis.exceptions.NoPermissionError: "not permitted",
}


def checks(
    database: Database, journal: Journal, broker: Broker, key_set: KeySet | None
) -> Iterator[Check]:
    queue = Queue()
    yield Check("database", lambda: _database(database, journal), required=True)
    # Not required: without Redis events are late and none is lost, and the process serves.
    yield Check("redis", lambda: _redis(broker))
    yield Check("inbox", lambda: _inbox(broker, queue))
    if key_set is not None:
        yield Check("issuer", lambda: _issuer(key_set))


def _database(database: Database, journal: Journal) -> str:
    """Check writing, not only reading: a read-only database takes no change and no event."""
    try:
        database.probe()
    except SQLAlchemyError as exc:
        if (kind := outage(exc)) is None or kind is Outage.UNAVAILABLE:
            raise
        if kind is not Outage.BUSY or database.dialect != "sqlite":
            return kind.value
        # Another program is writing, in whose way no reader is: a balancer must not stop them.
        journal.head()
        return Degraded(kind.value)
    journal.head()
    return OK


def _redis(broker: Broker) -> str:
    """Check writing, not only answering: a Redis that is full takes no entry of the inbox."""
    with broker.connect() as client:
        try:
            client.set(broker.probe, "", px=PROBE_MS)
        except tuple(REFUSALS) as exc:
            return REFUSALS[type(exc)]
    return OK


def _issuer(key_set: KeySet) -> str:
    """No client is accepted before the issuer's keys are read once; connected clients go on."""
    if key_set.is_read:
        return OK
    key_set.start()
    return UNAVAILABLE


def _inbox(broker: Broker, queue: Queue) -> str:
    with broker.connect() as client:
        waited = queue.seconds(oldest(client, broker))
    return OK if waited < LATE_SECONDS else DELAYED

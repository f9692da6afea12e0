"""The clocks of this host, the database and Redis show the same time."""

import time
from collections.abc import Iterator
from contextlib import suppress

import redis
from sqlalchemy.exc import SQLAlchemyError

from ordercast.broker import Broker
from ordercast.doctor.finding import Doubtful, Examination
from ordercast.journal import Clock, Journal

TOLERATED_SECONDS = 1.0
ADVICE = (
    "Set the clocks by NTP on all hosts: tokens end and revocations count by the clock of each"
    " host, and events are dated by the database's."
)


def examinations(broker: Broker, journal: Journal) -> Iterator[Examination]:
    yield Examination("clocks", lambda: _clocks(broker, journal.clock))


def _clocks(broker: Broker, clock: Clock) -> str:
    ahead: dict[str, float] = {}
    with suppress(SQLAlchemyError):  # which fails an examination of its own
        ahead["the database"] = clock.ask()
    with suppress(redis.RedisError):  # likewise
        ahead["Redis"] = _seconds_ahead(broker)
    apart = [
        f"{name} is {abs(seconds):.1f} s {'ahead' if seconds > 0 else 'behind'}"
        for name, seconds in ahead.items()
        if abs(seconds) > TOLERATED_SECONDS
    ]
    if apart:
        raise Doubtful(f"by this host's clock {', '.join(apart)}", ADVICE)
    if not ahead:
        return "nothing to compare with"
    return f"{', '.join(['this host', *ahead][:-1])} and {list(ahead)[-1]} agree"


def _seconds_ahead(broker: Broker) -> float:
    with broker.connect() as client:
        client.ping()  # connected: only the answer's time counts below
        before = time.time()
        seconds, microseconds = client.time()
        after = time.time()
    return float(seconds + microseconds / 1e6 - (before + after) / 2)

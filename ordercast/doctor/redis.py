"""Redis delivers messages, takes and keeps entries, and no other service uses the same channel."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median_low
from uuid import uuid4

import orjson
import redis

from ordercast.broker import Broker, Redis, reason
from ordercast.doctor.finding import Doubtful, Examination, Unhealthy

DOWN = "Check ORDERCAST_REDIS_URL and that Redis runs; until then events take up to 2 s."
FULL = "Raise maxmemory; until then the inbox takes nothing: emits are refused."
READ_ONLY = "ORDERCAST_REDIS_URL names a replica: name the master, or its Sentinels."
# All that web processes, workers and commands need.
RULES = (
    "~ordercast:* &ordercast:* &flask-socketio -@all +@read +@write +@pubsub +@connection"
    " +@transaction +eval +time -@dangerous +info"
)
PERMISSIONS = (
    f"With ACL SETUSER give it resetchannels {RULES}, or what ORDERCAST_REDIS_PREFIX and"
    " ORDERCAST_QUEUE_CHANNEL say instead."
)
EVICTING = "Set maxmemory-policy to noeviction: the inbox holds events that nobody else has yet."
NEIGHBOUR = (
    "Stock emits of each reach the clients of both. Give one of them another"
    " ORDERCAST_QUEUE_CHANNEL, and its scripts channel=... with it."
)
MARK = "doctor-"  # begins the messages of examinations
COUNTS = 15  # of the listeners
COUNT_SECONDS = 0.1  # between two counts
PROBE_SECONDS = 10  # for which the key of a probe stays, if it is not deleted


def examinations(broker: Broker) -> Iterator[Examination]:
    yield Examination("redis", lambda: _redis(broker))
    yield Examination("redis memory", lambda: _eviction(broker))
    yield Examination("redis neighbours", lambda: _neighbours(broker))


def _redis(broker: Broker) -> str:
    """A message comes back on each channel, and a key can be written."""
    mark = f"{MARK}{uuid4().hex}"
    # Harmless for the service's own processes: the queue's method `doctor`, a ring of the doorbell,
    # the head of another journal.
    messages = {
        broker.queue_channel: orjson.dumps({"method": "doctor", "host_id": mark}),
        broker.doorbell_channel: mark.encode(),
        broker.journal_channel: orjson.dumps({"journal": mark, "head": 0, "events": []}),
    }
    try:
        with broker.connect() as client:
            for channel, message in messages.items():
                _round_trip(client, channel, message)
            _write(client, broker)
    except redis.RedisError as exc:
        raise Unhealthy(reason(exc), advice(exc)) from exc
    return f"round trip on {', '.join(messages)}; takes what is written"


def _round_trip(client: Redis, channel: str, message: bytes) -> None:
    with client.pubsub() as pubsub:  # type: ignore[no-untyped-call]
        with allowed(f"subscribe to {channel}"):
            pubsub.subscribe(channel)
            pubsub.get_message(timeout=1)
        with allowed(f"publish to {channel}"):
            client.publish(channel, message)
        if message not in messages(pubsub, seconds=1):
            raise Unhealthy(f"a message published to {channel} did not come back", DOWN)


def _write(client: Redis, broker: Broker) -> None:
    probe = f"{broker.prefix}:doctor:{uuid4().hex}"
    with allowed(f"write keys that begin with {broker.prefix}:"):
        client.xadd(probe, {"probe": "x"})
        client.expire(probe, PROBE_SECONDS)
        client.delete(probe)


def _eviction(broker: Broker) -> str:
    """Check what a full Redis evicts; a policy for volatile keys leaves a stream alone."""
    with broker.connect() as client, told():
        memory = client.info("memory")
    policy = memory["maxmemory_policy"]
    if memory["maxmemory"] and policy.startswith("allkeys"):
        raise Unhealthy(f"maxmemory-policy is {policy}: it may evict the inbox", EVICTING)
    return f"maxmemory-policy is {policy}"


def _neighbours(broker: Broker) -> str:
    """A web process of the service listens to the journal's channel too, a worker to the relay's;
    more listeners on the queue's are another service's, or stock processes: publish and subscribe
    ignore the database number."""
    with broker.connect() as client, told():
        # Round trips of examinations listen to one channel alone for a moment: the median of
        # several counts is the number of listeners that stay.
        counts = []
        for _ in range(COUNTS):
            counts.append(_strangers(client, broker))
            time.sleep(COUNT_SECONDS)
        strangers = median_low(counts)
        # Channels of other services, with another prefix or another database.
        others = set(client.pubsub_channels("*:journal")) - {broker.journal_channel.encode()}
    if strangers > 0:
        known = ", ".join(sorted(name.decode(errors="replace") for name in others))
        services = f"; there are also {known}" if known else ""
        raise Doubtful(f"{strangers} others listen to {broker.queue_channel}{services}", NEIGHBOUR)
    return f"{broker.queue_channel} is this service's alone"


def _strangers(client: Redis, broker: Broker) -> int:
    names = broker.queue_channel, broker.journal_channel, broker.relay_channel
    counts = dict(client.pubsub_numsub(*names))
    queue, web, workers = (int(counts[name.encode()]) for name in names)
    return queue - web - workers


@contextmanager
def allowed(what: str) -> Iterator[None]:
    """Say which permission is missing: Redis' own NOPERM names neither key nor channel."""
    try:
        yield
    except redis.exceptions.NoPermissionError as exc:
        raise Unhealthy(f"the Redis user may not {what}", PERMISSIONS) from exc


@contextmanager
def told() -> Iterator[None]:
    """Say which error of Redis keeps a check from its answer."""
    try:
        yield
    except redis.RedisError as exc:
        raise Unhealthy(f"cannot tell: {reason(exc)}", advice(exc)) from exc


def advice(error: redis.RedisError) -> str:
    """The advice on an error."""
    if isinstance(error, redis.exceptions.NoPermissionError):
        return PERMISSIONS
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return FULL
    if isinstance(error, redis.exceptions.ReadOnlyError):
        return READ_ONLY
    return DOWN


def messages(pubsub: redis.client.PubSub, *, seconds: float) -> Iterator[bytes]:
    """The messages published within so many seconds. Raises redis.RedisError."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        message = pubsub.get_message(timeout=left)
        if message and message["type"] == "message":
            yield message["data"]

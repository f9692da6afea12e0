"""Redis passes messages on."""

import time
from collections.abc import Callable
from uuid import uuid4

import redis

from app.broker import Broker, reason
from app.config import Settings
from app.doctor.finding import Check, Unhealthy


def _redis(settings: Settings) -> str:
    """A message of our own comes back on the channel that stock external emits use."""
    broker = Broker.of(settings)
    mark = f'{{"method": "doctor", "host_id": "{uuid4().hex}"}}'.encode()
    try:
        with broker.connect() as client, client.pubsub() as pubsub:
            pubsub.subscribe(broker.queue_channel)
            pubsub.get_message(timeout=1)
            client.publish(broker.queue_channel, mark)
            if not heard(pubsub, lambda data: data == mark, seconds=2):
                raise Unhealthy("a published message did not come back", "Check the Redis ACLs.")
    except redis.RedisError as exc:
        advice = "Check REDIS_URL and that Redis runs; until then events take up to 2 s."
        raise Unhealthy(reason(exc), advice) from exc
    return f"round trip on the channel {broker.queue_channel}"


def heard(pubsub: redis.client.PubSub, wanted: Callable[[bytes], bool], *, seconds: float) -> bool:
    """Whether a message that is wanted arrives in time. Raises redis.RedisError."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        message = pubsub.get_message(timeout=left)
        if message and message["type"] == "message" and wanted(message["data"]):
            return True
    return False


CHECKS = (Check("redis", _redis),)

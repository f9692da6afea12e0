"""Listening to the channel: a thread of a worker."""

import logging
import threading
import time
from uuid import uuid4

import redis

from ordercast.broker import Broker, reason
from ordercast.emits import messages
from ordercast.emits.heard import Hearing

logger = logging.getLogger(__name__)

LISTEN_SECONDS = 0.5  # one wait for a message
SILENCE_SECONDS = 3.0  # then the connection counts as dead: Redis answers pings
TIMEOUT_SECONDS = 2.0  # for an answer of Redis
RETRY_SECONDS = 0.5


def channels(broker: Broker) -> tuple[str, str]:
    """The queue's channel, and the one by which `doctor` tells this listener from another
    service's."""
    return broker.queue_channel, broker.relay_channel


class Listener(threading.Thread):
    """Hands each message to `hearing`. A subscription that ends is begun again: by then a leader
    has to have given up, because another worker may have missed nothing."""

    def __init__(self, broker: Broker, hearing: Hearing, may_begin: threading.Event) -> None:
        super().__init__(name="listen", daemon=True)  # nothing here must be finished
        self._broker = broker
        self._hearing = hearing
        self._may_begin = may_begin  # set while this worker does not lead

    def run(self) -> None:
        while True:
            try:
                self._listen()
            except (redis.RedisError, OSError) as exc:
                logger.warning("emits from outside not heard", extra={"error": reason(exc)})
            self._hearing.interrupt()
            time.sleep(RETRY_SECONDS)
            self._may_begin.wait()

    def _listen(self) -> None:
        with (
            self._broker.connect(timeout=TIMEOUT_SECONDS) as client,
            client.pubsub() as pubsub,
        ):
            pubsub.subscribe(*channels(self._broker))
            self._hearing.forget()
            is_subscribed, heard = False, time.monotonic()
            while True:
                message = pubsub.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    if time.monotonic() - heard > SILENCE_SECONDS:
                        raise redis.TimeoutError("no sign of life")
                    pubsub.ping()
                    continue
                heard = time.monotonic()
                if message["type"] == "message":
                    self._hearing.hear(message["data"])
                is_subscribed = is_subscribed or message["type"] == "subscribe"
                if is_subscribed and self._hearing.wants_mark:
                    self._begin(client)

    def _begin(self, client: "redis.Redis") -> None:
        mark = uuid4().hex
        self._hearing.expect(mark)
        client.publish(self._broker.queue_channel, messages.mark(mark))

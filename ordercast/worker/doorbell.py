"""The sequencer's ear: wakes it when a web process says that something was committed."""

import logging
import threading
import time

import redis

from ordercast.broker import Broker, reason

logger = logging.getLogger(__name__)
LISTEN_SECONDS = 1.0  # one wait for a ring
RETRY_SECONDS = 0.5


class Ear(threading.Thread):
    """Sets `rung` at each ring. A hint: whoever waits for it looks from time to time as well."""

    def __init__(self, broker: Broker, rung: threading.Event) -> None:
        super().__init__(name="doorbell", daemon=True)  # it holds nothing that must be finished
        self._broker = broker
        self._rung = rung

    def run(self) -> None:
        while True:
            try:
                self._listen()
            except (redis.RedisError, OSError) as exc:
                logger.warning("doorbell not heard; polling", extra={"error": reason(exc)})
                time.sleep(RETRY_SECONDS)

    def _listen(self) -> None:
        with self._broker.connect() as client, client.pubsub() as pubsub:
            pubsub.subscribe(self._broker.doorbell_channel)
            while True:
                message = pubsub.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    pubsub.ping()  # a connection that is dead says so here
                elif message["type"] in ("subscribe", "message"):
                    self._rung.set()

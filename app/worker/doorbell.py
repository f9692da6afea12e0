"""The sequencer's ear: wakes it when a web process says that something was committed."""

import logging
import threading
import time

import redis

from app import broker

logger = logging.getLogger(__name__)
LISTEN_SECONDS = 1.0  # one wait for a ring
RETRY_SECONDS = 0.5


class Ear(threading.Thread):
    """Sets `rung` at each ring. A hint: whoever waits for it looks from time to time as well."""

    def __init__(self, url: str, rung: threading.Event) -> None:
        super().__init__(name="doorbell", daemon=True)  # it holds nothing that must be finished
        self._url = url
        self._rung = rung

    def run(self) -> None:
        while True:
            try:
                self._listen()
            except (redis.RedisError, OSError) as exc:
                logger.warning("doorbell not heard; polling", extra={"error": str(exc)})
                time.sleep(RETRY_SECONDS)

    def _listen(self) -> None:
        with broker.connect(self._url) as client, client.pubsub() as pubsub:
            pubsub.subscribe(broker.DOORBELL_CHANNEL)
            while True:
                message = pubsub.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    pubsub.ping()  # a connection that is dead says so here
                elif message["type"] in ("subscribe", "message"):
                    self._rung.set()

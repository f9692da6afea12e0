"""The doorbell: a commit that appended events wakes the sequencer through Redis.

A hint, not a promise: the sequencer polls as well. Ringing happens beside the request, so that a
Redis that is down or stuck never holds up an answer.
"""

import logging
import threading

import redis
from flask import Flask

from ordercast.broker import Broker, reason
from ordercast.metrics import PUBLISH_FAILURES
from ordercast.settings import Settings

logger = logging.getLogger(__name__)


class Doorbell:
    """Rings once for any number of commits that happen while a ring is on its way."""

    def __init__(self, broker: Broker) -> None:
        self._redis = broker.connect()
        self._channel = broker.doorbell_channel
        self._pressed = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None  # made at the first ring: after any fork

    def ring(self) -> None:
        """Ask for a ring and return at once."""
        self._pressed.set()
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._pressed.wait()
            self._pressed.clear()
            try:
                self._redis.publish(self._channel, "")
            except redis.RedisError as exc:
                PUBLISH_FAILURES.labels("doorbell").inc()
                logger.warning("doorbell did not ring", extra={"error": reason(exc)})


def init_app(app: Flask) -> None:
    """Ring after every commit of this app that appended an event."""
    settings: Settings = app.config["SETTINGS"]
    app.extensions["doorbell"] = Doorbell(Broker.of(settings))

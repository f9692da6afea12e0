"""The doorbell: a commit that appended events wakes the sequencers through Redis.

A hint, not a promise: sequencers poll as well. A thread of its own rings, so that a Redis that is
down or stuck never holds up an answer.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import redis

from ordercast.broker import Broker, reason
from ordercast.captures import Captures
from ordercast.metrics import PUBLISH_FAILURES

logger = logging.getLogger(__name__)

LISTEN_SECONDS = 1.0  # one wait for a ring
RETRY_SECONDS = 0.5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.001, 0.05  # between two checks of a COMMIT
COMMIT_SECONDS = 10.0  # a COMMIT that takes longer is left to the sequencers' polling


class Doorbell:
    """Rings once for any number of commits that happen while a ring is on its way."""

    def __init__(self, broker: Broker, captures: Captures) -> None:
        self._redis = broker.connect()
        self._captures = captures
        self._channel = broker.doorbell_channel
        self._message: Any = None
        self._pressed = threading.Event()
        self._committing: list[Callable[[], bool]] = []
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None  # made at the first ring: after any fork

    def ring(self) -> None:
        """Ask for a ring and return at once."""
        if self._captures.is_quiet:
            return
        self._pressed.set()
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()

    def ring_after(self, is_committing: Callable[[], bool]) -> None:
        """Ask for a ring once `is_committing` returns False, and return at once."""
        if not self._captures.is_quiet:
            self._committing.append(is_committing)
            self.ring()

    def _run(self) -> None:
        while True:
            self._pressed.wait()
            self._pressed.clear()
            while self._committing:
                _wait_while(self._committing.pop())
            try:
                self._publish()
            except redis.RedisError as exc:
                PUBLISH_FAILURES.labels("doorbell").inc()
                logger.warning("doorbell did not ring", extra={"error": reason(exc)})

    def _publish(self) -> None:
        """PUBLISH as bytes that are made once: a third of what the client's method costs."""
        pool = self._redis.connection_pool
        connection: Any = pool.get_connection()
        try:
            if self._message is None:
                self._message = connection.pack_command("PUBLISH", self._channel, "")
            connection.send_packed_command(self._message)
            connection.read_response()
        except BaseException:
            connection.disconnect()
            raise
        finally:
            pool.release(connection)


def _wait_while(is_committing: Callable[[], bool]) -> None:
    deadline, pause = time.monotonic() + COMMIT_SECONDS, FIRST_PAUSE_SECONDS
    while is_committing() and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


class Ear(threading.Thread):
    """Sets `rung` at each ring: a hint, as the thread that waits for it polls as well. `others` are
    more channels of this subscription, each with the receiver of its messages."""

    def __init__(
        self,
        broker: Broker,
        rung: threading.Event,
        others: Mapping[str, Callable[[bytes], None]] | None = None,
    ) -> None:
        super().__init__(name="doorbell", daemon=True)  # nothing here must be finished
        self._broker = broker
        self._rung = rung
        self._others = {name.encode(): receive for name, receive in (others or {}).items()}

    def run(self) -> None:
        while True:
            try:
                self._listen()
            except (redis.RedisError, OSError) as exc:
                logger.warning("doorbell not heard; polling", extra={"error": reason(exc)})
                time.sleep(RETRY_SECONDS)

    def _listen(self) -> None:
        with self._broker.connect() as client, client.pubsub() as pubsub:
            pubsub.subscribe(self._broker.doorbell_channel, *self._others)
            while True:
                message = pubsub.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    pubsub.ping()  # raises on a dead connection
                elif message["type"] == "message" and message["channel"] in self._others:
                    self._others[message["channel"]](message["data"])
                elif message["type"] in ("subscribe", "message"):
                    self._rung.set()

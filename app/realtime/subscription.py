"""The one Redis subscription of a web process: it stays up, and says when it was away."""

import logging
import random
import time
from collections.abc import Callable, Mapping

import redis

from app import broker

logger = logging.getLogger(__name__)

PING_SECONDS = 1.0  # Redis is asked for a sign of life when nothing came for so long
SILENCE_SECONDS = 4.0  # then the connection counts as dead, though nobody closed it
BACKOFF_SECONDS = (0.1, 1.0)  # first and longest wait before another try


class Subscription:
    """Hands each message of a channel to its receiver, in order, one at a time."""

    def __init__(
        self,
        url: str,
        receivers: Mapping[str, Callable[[bytes], None]],
        *,
        on_subscribed: Callable[[], None],
    ) -> None:
        self._url = url
        self._receivers = {channel.encode(): receiver for channel, receiver in receivers.items()}
        self._on_subscribed = on_subscribed  # something may have been missed until now

    def run(self) -> None:
        """For ever: subscribe, receive, and come back after every failure."""
        wait = BACKOFF_SECONDS[0]
        while True:
            started = time.monotonic()
            try:
                self._receive()
            except (redis.RedisError, OSError) as exc:
                if time.monotonic() - started > SILENCE_SECONDS:
                    wait = BACKOFF_SECONDS[0]
                logger.warning("redis subscription lost", extra={"error": str(exc)})
            time.sleep(wait * random.uniform(0.5, 1))
            wait = min(wait * 2, BACKOFF_SECONDS[1])

    def _receive(self) -> None:
        with broker.connect(self._url) as client, client.pubsub() as pubsub:
            pubsub.subscribe(*self._receivers)
            waiting_for = set(self._receivers)
            heard = time.monotonic()
            while True:
                message = pubsub.get_message(timeout=PING_SECONDS)
                if message is None:
                    if time.monotonic() - heard > SILENCE_SECONDS:
                        raise redis.TimeoutError(f"no sign of life for {SILENCE_SECONDS} s")
                    pubsub.ping()
                    continue
                heard = time.monotonic()
                if message["type"] == "message":
                    self._hand_over(message["channel"], message["data"])
                elif message["type"] == "subscribe":
                    waiting_for.discard(message["channel"])
                    if not waiting_for:
                        logger.info("redis subscription up")
                        self._on_subscribed()

    def _hand_over(self, channel: bytes, data: bytes) -> None:
        try:
            self._receivers[channel](data)
        except Exception:
            # One message that its receiver could not take must not end the subscription.
            logger.exception("message not taken", extra={"channel": channel.decode()})

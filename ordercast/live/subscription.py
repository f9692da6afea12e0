"""The one Redis subscription of a web process: reconnects, and tells that it was interrupted."""

import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import hiredis
import redis

from ordercast.broker import Broker, reason

logger = logging.getLogger(__name__)

PING_SECONDS = 1.0  # Redis is asked for a sign of life when nothing came for so long
SILENCE_SECONDS = 4.0  # then the connection counts as dead, though it was not closed
READ_BYTES = 262_144  # at most in one go
# When messages come closer together than this, pause so long before the next read: waking up costs
# as much as several messages. A message waits for so long at most, a lone one not at all.
GATHER_SECONDS = 0.003
BACKOFF_SECONDS = (0.1, 1.0)  # first and longest wait before another try


class Subscription:
    """Hands each message of a channel to its receiver, in order, one at a time."""

    def __init__(
        self,
        broker: Broker,
        receivers: Mapping[str, Callable[[bytes], None]],
        *,
        on_subscribed: Callable[[], None],
        after_messages: Callable[[], None] = lambda: None,
    ) -> None:
        self._broker = broker
        self._receivers = {channel.encode(): receiver for channel, receiver in receivers.items()}
        self._on_subscribed = on_subscribed  # something may have been missed until now
        self._after_messages = after_messages  # all that was read at once is received

    def run(self) -> None:
        """For ever: subscribe, receive, and come back after every failure."""
        wait = BACKOFF_SECONDS[0]
        while True:
            started = time.monotonic()
            try:
                self._receive()
            except (redis.RedisError, hiredis.HiredisError, OSError) as exc:
                if time.monotonic() - started > SILENCE_SECONDS:
                    wait = BACKOFF_SECONDS[0]
                logger.warning("redis subscription lost", extra={"error": reason(exc)})
            time.sleep(wait * random.uniform(0.5, 1))
            wait = min(wait * 2, BACKOFF_SECONDS[1])

    def _receive(self) -> None:
        with self._broker.connect() as client:
            connection = client.connection_pool.get_connection()
            try:
                connection.send_command("SUBSCRIBE", *self._receivers)
                self._read(connection)
            finally:
                connection.disconnect()

    def _read(self, connection: Any) -> None:
        # redis-py has connected, authenticated and found the master; its parser takes messages one
        # by one, each with a timeout of its own, which costs more than all the rest.
        socket, reader = connection._sock, hiredis.Reader()
        socket.settimeout(PING_SECONDS)
        waiting_for = set(self._receivers)
        heard = time.monotonic()
        buffer = memoryview(bytearray(READ_BYTES))  # a new one for each read costs more than it
        while True:
            try:
                size = socket.recv_into(buffer)
            except TimeoutError:
                if time.monotonic() - heard > SILENCE_SECONDS:
                    raise redis.TimeoutError(f"no sign of life for {SILENCE_SECONDS} s") from None
                connection.send_command("PING")
                continue
            if not size:
                raise redis.ConnectionError("closed by the server")
            before, heard = heard, time.monotonic()
            reader.feed(buffer[:size].tobytes())
            count = 0
            while (reply := reader.gets()) is not False:
                count += 1
                # hiredis returns pushes of RESP3 as a subclass of list.
                if isinstance(reply, list) and reply[0] == b"message":
                    _, channel, message = reply
                    try:
                        self._receivers[channel](message)
                    except Exception:
                        # A message on which its receiver fails must not end the subscription.
                        logger.exception("message not taken", extra={"channel": channel.decode()})
                else:
                    self._answered(reply, waiting_for)
            self._after_messages()
            if count > 1 or heard - before < GATHER_SECONDS:
                time.sleep(GATHER_SECONDS)

    def _answered(self, reply: Any, waiting_for: set[bytes]) -> None:
        """Handle another reply: an error, the answer to a ping, or to the subscription."""
        if isinstance(reply, hiredis.ReplyError):
            raise redis.ResponseError(str(reply))
        if isinstance(reply, list) and reply[0] == b"subscribe":
            waiting_for.discard(reply[1])
            if not waiting_for:
                logger.info("redis subscription up")
                self._on_subscribed()

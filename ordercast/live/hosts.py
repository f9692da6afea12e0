"""Where the web processes of all hosts are: a sorted set in Redis, "name host port" by the time
until which each is good.

A process says again and again where it is, and reads where the others are. While Redis is away,
what was read last counts: the processes are the same, as a rule.
"""

import hmac
import logging
import time
from threading import Lock
from typing import Any

import redis
from flask import Flask

from ordercast.broker import Broker, reason
from ordercast.settings import PREFIX, ConfigError, Settings

logger = logging.getLogger(__name__)
GOOD_SECONDS = 20.0  # after a process has said where it is, by the clock of Redis
USE = b"ordercast.hosts"  # the secret has others, too
READ_SECONDS = 0.2  # at least, between two reads for names that are not known

Address = tuple[str, int]


def hosts_key(app: Flask, settings: Settings) -> bytes:
    """What the hosts of a service know, and nobody else. Raises ConfigError."""
    secret = settings.JWT_SECRET_KEY or app.secret_key
    if not secret:
        raise ConfigError(f"{PREFIX}PRIVATE_ADDRESS needs SECRET_KEY, the same on every host")
    return hmac.digest(secret.encode() if isinstance(secret, str) else secret, USE, "sha256")


class Hosts:
    """Satisfies transport.peers.Directory."""

    def __init__(self, broker: Broker) -> None:
        self._redis = broker.connect()
        self._key = broker.hosts
        self._known: dict[str, Address] = {}
        self._said: dict[str, str] = {}  # this process's own entries, by name
        self._read_at = float("-inf")  # when it began; monotonic seconds
        self._reading = Lock()
        self._is_away = False

    def announce(self, name: str, address: Address) -> None:
        self._said[name] = f"{name} {address[0]} {address[1]}"
        try:
            now = self._now()
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.zadd(self._key, dict.fromkeys(self._said.values(), now + GOOD_SECONDS))
                pipe.zremrangebyscore(self._key, "-inf", now)
                pipe.zrange(self._key, 0, -1)
                *_, entries = pipe.execute()
        except redis.RedisError as exc:
            self._complain(exc)
        else:
            self._learn(dict(map(_parse, entries)))

    def withdraw(self, name: str) -> None:
        entry = self._said.pop(name, None)
        if entry is not None:
            try:
                self._redis.zrem(self._key, entry)
            except redis.RedisError as exc:  # it is forgotten in GOOD_SECONDS
                self._complain(exc)

    def find(self, name: str) -> Address | None:
        """Waits for a read that has begun since, for a name that is not known: a process that has
        just started. Names that nobody has cost a read each READ_SECONDS, whoever sends them."""
        if name not in self._known:
            asked = time.monotonic()
            with self._reading:
                if self._read_at < asked:
                    time.sleep(max(0.0, self._read_at + READ_SECONDS - time.monotonic()))
                    self._read()
        return self._known.get(name)

    def drop(self, name: str) -> None:
        self._known.pop(name, None)

    def addresses(self) -> dict[str, Address]:
        """All processes, by name. Raises redis.RedisError."""
        entries: Any = self._redis.zrangebyscore(self._key, self._now(), "+inf")
        return dict(map(_parse, entries))

    def _read(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._learn(self.addresses())
        except redis.RedisError as exc:
            self._complain(exc)

    def _learn(self, addresses: dict[str, Address]) -> None:
        self._known = addresses
        self._is_away = False

    def _now(self) -> float:
        """Seconds by the clock of Redis: those of the hosts may differ."""
        seconds, microseconds = self._redis.time()
        return float(seconds) + float(microseconds) / 1e6

    def _complain(self, error: redis.RedisError) -> None:
        if not self._is_away:
            self._is_away = True
            logger.warning("hosts not read", extra={"error": reason(error)})


def _parse(entry: bytes) -> tuple[str, Address]:
    name, host, port = entry.decode().split(" ")
    return name, (host, int(port))

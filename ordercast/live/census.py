"""A census: how many connections of all web processes a revocation hits.

A command asks over Redis, each process answers on a key of that question. Redis says how many were
asked; when it is down, or a process is silent, the answer says so instead of guessing.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
import redis

from ordercast.broker import Broker, reason
from ordercast.live.connections import Connections
from ordercast.revocation import Mark, Rules

logger = logging.getLogger(__name__)
PATIENCE_SECONDS = 2  # for the slowest process
KEPT_SECONDS = 30  # for an answer that nobody fetches


class Census(NamedTuple):
    sockets: int
    asked: int  # web processes
    answered: int

    def __str__(self) -> str:
        counted = f"{self.sockets} socket" + ("" if self.sockets == 1 else "s")
        if not self.answered:
            return "sockets unknown: no web process answered"
        if self.answered < self.asked:
            return f"at least {counted}: {self.answered} of {self.asked} web processes answered"
        return counted


def ask(broker: Broker, mark: Mark) -> Census:
    """Ask every web process. Never fails."""
    question = uuid4().hex
    asked = 0
    counts: list[int] = []
    try:
        with broker.connect(timeout=PATIENCE_SECONDS + 1) as client:
            what = {"kind": mark.kind, "value": mark.value, "at": mark.at, "detail": mark.detail}
            body = orjson.dumps({"id": question, **what})
            asked = int(client.publish(broker.census_channel, body))
            while len(counts) < asked:
                answer: Any = client.blpop([broker.census(question)], timeout=PATIENCE_SECONDS)
                if answer is None:
                    break
                counts.append(int(answer[1]))
    except redis.RedisError as exc:
        logger.warning("connections not counted", extra={"error": reason(exc)})
    return Census(sum(counts), asked, len(counts))


class Counter:
    """Answers for this process. `start` runs a function in the background."""

    def __init__(
        self,
        broker: Broker,
        connections: Connections,
        *,
        rules: Rules,
        start: Callable[..., object],
    ) -> None:
        self._broker = broker
        self._redis = broker.connect()
        self._connections = connections
        self._rules = rules
        self._start = start

    def receive(self, message: bytes) -> None:
        """Answer a question, in the background."""
        try:
            asked = orjson.loads(message)
            at = datetime.fromisoformat(asked["at"])
            mark = Mark(asked["kind"], asked["value"], at, asked["detail"])
            key = self._broker.census(str(asked["id"]))
        except (ValueError, KeyError, TypeError) as exc:
            logger.warning("census makes no sense", extra={"error": repr(exc)})
            return
        count = len(self._connections.hit_by(mark, self._rules))
        self._start(self._answer, key, count)

    def _answer(self, key: str, count: int) -> None:
        try:
            with self._redis.pipeline() as pipe:
                pipe.rpush(key, count)
                pipe.expire(key, KEPT_SECONDS)
                pipe.execute()
        except redis.RedisError as exc:
            logger.warning("census not answered", extra={"error": reason(exc)})

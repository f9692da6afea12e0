"""A roll call: which processes the service has, by their own answers.

A command asks over Redis, each web process and worker answers on a key of that question: what the
kernel of its host calls it, and how many clients it has. A process that is frozen, or has no Redis,
is not among the answers.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import redis

from ordercast.broker import Broker, reason

logger = logging.getLogger(__name__)
PATIENCE_SECONDS = 2  # for the slowest process
KEPT_SECONDS = 30  # for an answer that nobody fetches
START_FIELD = 21  # of /proc/{pid}/stat, counted from 0: starttime, proc(5)
KERNEL = Path("/proc/sys/kernel/random/boot_id")


class Kind(StrEnum):
    WEB = "web"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the service. `host` is the same for all processes that can signal each other:
    of one boot of one kernel, in one namespace of process ids."""

    kind: Kind
    host: str
    pid: int
    started: int  # clock ticks after the boot: another process with this pid has another
    clients: int = 0  # connected to it


def this_host() -> str:
    """Raises OSError where there is no /proc."""
    return f"{KERNEL.read_text().strip()} {os.readlink('/proc/self/ns/pid')}"


def started(pid: int) -> int:
    """When the process began, in clock ticks after the boot. Raises OSError: there is none."""
    # The second field is the command's name in brackets, and may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[START_FIELD - 2])


def call(broker: Broker) -> list[Process]:
    """Every process that answers. Raises redis.RedisError."""
    question = uuid4().hex
    found: list[Process] = []
    with broker.connect(timeout=PATIENCE_SECONDS + 1) as client:
        asked = int(client.publish(broker.roll_channel, question))
        for _ in range(asked):
            answer: Any = client.blpop([broker.roll(question)], timeout=PATIENCE_SECONDS)
            if answer is None:
                break
            try:
                found.append(_read(answer[1]))
            except (ValueError, KeyError, TypeError) as exc:
                logger.warning("answer to a roll call makes no sense", extra={"error": repr(exc)})
    return found


def _read(answer: bytes) -> Process:
    """Of this release, or of another that says more. Raises ValueError, KeyError, TypeError."""
    said = orjson.loads(answer)
    pid, began, clients = (int(said[name]) for name in ("pid", "started", "clients"))
    return Process(Kind(said["kind"]), str(said["host"]), pid, began, clients)


class Answering:
    """Answers for this process. `clients` counts those that are connected; `start` runs a function
    in the background."""

    def __init__(
        self,
        broker: Broker,
        kind: Kind,
        *,
        clients: Callable[[], int] = lambda: 0,
        start: Callable[..., object],
    ) -> None:
        self._broker = broker
        self._redis = broker.connect()
        self._kind = kind
        self._clients = clients
        self._start = start

    def receive(self, message: bytes) -> None:
        """Answer a question, in the background."""
        self._start(self._answer, message.decode(errors="replace"))

    def _answer(self, question: str) -> None:
        try:
            pid = os.getpid()
            answer = Process(self._kind, this_host(), pid, started(pid), self._clients())
            key = self._broker.roll(question)
            with self._redis.pipeline() as pipe:
                pipe.rpush(key, orjson.dumps(asdict(answer)))
                pipe.expire(key, KEPT_SECONDS)
                pipe.execute()
        except (redis.RedisError, OSError) as exc:
            logger.warning("roll call not answered", extra={"error": reason(exc)})

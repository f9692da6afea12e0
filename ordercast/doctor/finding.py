"""What a check is, and what it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app.config import Settings
from ordercast.redaction import redacted


class Level(StrEnum):
    """The first word of a line; only `fail` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    name: str
    level: Level
    text: str
    advice: str = ""


class Unhealthy(Exception):
    """The service does not work so: (what is wrong, what to do)."""

    level = Level.FAIL


class Doubtful(Unhealthy):
    """The service works, and an operator should know this: (what it is, what to do)."""

    level = Level.WARN


@dataclass(frozen=True)
class Check:
    """`ask` says what is well, or raises Unhealthy or Doubtful. It runs in a thread of its own,
    inside an application context, beside the other checks."""

    name: str
    ask: Callable[[Settings], str]
    seconds: float = 6.0  # without an answer until then the check failed


def first_line(error: Exception) -> str:
    return redacted((str(error).strip().splitlines() or [type(error).__name__])[0])

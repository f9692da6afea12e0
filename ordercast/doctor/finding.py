"""An examination, and its finding."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ordercast.redaction import redacted


class Level(StrEnum):
    """The first word of a line; only `fail` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


MARKS = {Level.OK: "ok  ", Level.WARN: "WARN", Level.FAIL: "FAIL"}


@dataclass(frozen=True)
class Finding:
    """One line for the operator, and what to do where it is not `ok`."""

    name: str
    level: Level
    text: str
    advice: str = ""

    def lines(self) -> list[str]:
        """As the doctor prints it: the finding, then the advice, if there is any."""
        found = f"{MARKS[self.level]}  {self.name}: {self.text}"
        return [found, f"      {self.advice}"] if self.advice else [found]


class Unhealthy(Exception):
    """The service does not work so: (what is wrong, what to do)."""

    level = Level.FAIL


class Doubtful(Unhealthy):
    """The service works, and an operator should know this: (what it is, what to do)."""

    level = Level.WARN


@dataclass(frozen=True)
class Examination:
    """`ask` returns what is well, or raises Unhealthy or Doubtful. Called in a thread of its own,
    inside an application context, beside the others."""

    name: str
    ask: Callable[[], str]
    seconds: float = 6.0  # without an answer until then the examination failed

    def and_also(self, other: "Examination") -> "Examination":
        """Both under one name: the first complaint counts."""

        def ask() -> str:
            return "; ".join((self.ask(), other.ask()))

        return Examination(self.name, ask, self.seconds + other.seconds)


def first_line(error: Exception) -> str:
    """The first line of an error, without passwords."""
    return redacted((str(error).strip().splitlines() or [type(error).__name__])[0])

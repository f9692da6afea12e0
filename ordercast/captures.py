"""The captures of an application's own tests: what sends also tells them. While one is open, and
with TESTING, nothing goes to Redis. Outside of tests there is none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class CapturedEvent:
    """An event as the clients of its rooms would have got it."""

    name: str
    payload: Any  # as JSON makes it; of a stock emit as it was given, a tuple for several arguments
    rooms: tuple[str | None, ...]  # None: everybody who is connected
    durable: bool
    key: str | None = None
    namespace: str = "/"
    id: str | None = None  # of all emits with the same, one is sent


class Capture(Protocol):
    """Called in the thread that sends. Raises nothing."""

    def appended(
        self, event: CapturedEvent, connection: Connection, session: Session | None
    ) -> None:
        """An event was written on `connection`, whose transaction is not over; through `session`,
        if it was given one."""

    def emitted(self, event: CapturedEvent) -> None:
        """An event was sent that no transaction can take back."""


class Captures:
    """The captures that are open now, of one application."""

    def __init__(self, is_testing: Callable[[], bool]) -> None:
        self._is_testing = is_testing
        self._open: tuple[Capture, ...] = ()
        self.has_tables = False  # the database of the tests, once a capture has checked

    def __bool__(self) -> bool:
        return bool(self._open)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is to go to Redis."""
        return bool(self._open) or self._is_testing()

    def open(self, capture: Capture) -> None:
        self._open = (*self._open, capture)

    def found_tables(self) -> None:
        self.has_tables = True

    def close(self, capture: Capture) -> None:
        self._open = tuple(each for each in self._open if each is not capture)

    def appended(
        self, event: CapturedEvent, connection: Connection, session: Session | None
    ) -> None:
        for capture in self._open:
            capture.appended(event, connection, session)

    def emitted(self, event: CapturedEvent) -> None:
        for capture in self._open:
            capture.emitted(event)


def rooms_of(to: Any) -> tuple[str | None, ...]:
    """The rooms of a stock emit: of a room, a list of rooms, or None for everybody."""
    return tuple(dict.fromkeys(to)) if isinstance(to, list | tuple) else (to,)

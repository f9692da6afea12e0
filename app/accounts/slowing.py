"""Logins past their limit: one in a while is still checked, drawn from those that came.

Refusing all of them would let anybody lock an account's owner out who shares an address with the
attacker, as everybody behind one proxy does. Nothing tells the owner's try from a guess before the
password is checked, so each has the same chance: in every round of some seconds one of them is
drawn, and its right password is let in. The owner alone is slowed by one round; beside an attacker
who keeps twenty guesses under way, by some twenty of them; and guesses come to one a round.
"""

import random
import threading
import time
from dataclasses import dataclass, field

from flask import Flask, current_app

SEATS = 20  # tries that wait in one round; of more, each has the same chance of a seat
MAX_ROUNDS = 100  # under way at once in a process; past it tries are refused


EXTENSION = "slowing"


def init_app(app: Flask) -> None:
    app.extensions[EXTENSION] = Slowing(app.config["SETTINGS"].LOGIN_SLOWED_SECONDS)


def turn(key: tuple[str, str]) -> bool:
    """Slowing.turn of the current app."""
    slowed: Slowing = current_app.extensions[EXTENSION]
    return slowed.turn(key)


@dataclass(slots=True, eq=False)
class _Round:
    ends: float  # monotonic seconds
    came: int = 0
    seats: list[threading.Event] = field(default_factory=list)
    drawn: threading.Event | None = None


class Slowing:
    """`turn` waits until the round ends. `seconds`: how long a round takes; 0: none is drawn."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._rounds: dict[tuple[str, str], _Round] = {}

    def turn(self, key: tuple[str, str]) -> bool:
        """Whether this try, one of those with the same key, is the one to be checked."""
        unseated = threading.Event()
        with self._lock:
            current = self._enter(key, unseated)
        if current is None or unseated.wait(max(0.0, current.ends - time.monotonic())):
            return False
        with self._lock:
            if self._rounds.get(key) is current:
                del self._rounds[key]
                current.drawn = random.choice(current.seats)
            return current.drawn is unseated

    def _enter(self, key: tuple[str, str], unseated: threading.Event) -> _Round | None:
        """Take a seat in the round under way, or begin one (reservoir sampling, algorithm R)."""
        current = self._rounds.get(key)
        if current is None:
            if not self._seconds or len(self._rounds) >= MAX_ROUNDS:
                return None
            current = self._rounds[key] = _Round(time.monotonic() + self._seconds)
        current.came += 1
        if len(current.seats) < SEATS:
            current.seats.append(unseated)
            return current
        seat = random.randrange(current.came)
        if seat >= SEATS:
            return None
        current.seats[seat].set()
        current.seats[seat] = unseated
        return current

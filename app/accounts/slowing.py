"""Logins past their limit: in each round of a few seconds one attempt is drawn and checked.

Refusing all attempts would let an attacker lock out the account's owner when both share an address,
as everybody behind one proxy does. Before the password is checked, nothing tells the owner's
attempt from a guess, so each has the same chance of being drawn. An owner alone waits one round;
beside an attacker with twenty guesses under way, about twenty rounds. An attacker gets one guess
a round.
"""

import random
import threading
import time
from dataclasses import dataclass, field

from flask import Flask, current_app

SEATS = 20  # attempts that wait in one round; of more, each has the same chance of a seat
MAX_ROUNDS = 100  # under way at once in a process; further attempts are refused


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
    """The rounds of a process. `seconds`: how long a round takes; 0: no attempt is drawn."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._rounds: dict[tuple[str, str], _Round] = {}

    def turn(self, key: tuple[str, str]) -> bool:
        """Wait until the round ends -> whether this attempt is drawn of those with the same key."""
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
        """Join the round under way, or begin a round (reservoir sampling, algorithm R)."""
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

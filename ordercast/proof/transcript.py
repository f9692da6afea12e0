"""What the journal has for a room, against what a client of the room received."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """An event of the proof, and where it is in the journal."""

    position: int
    number: int


class Faults(NamedTuple):
    """How often a client, or several, did not receive what the journal has."""

    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    strange: int = 0  # events that are not in the journal at this position

    def and_also(self, other: "Faults") -> "Faults":
        return Faults(*(one + more for one, more in zip(self, other, strict=True)))


def faults(committed: Sequence[Place], received: Sequence[Place]) -> Faults:
    """`committed`: by rising positions. `received`: as they came."""
    known = set(committed)
    times = Counter(received)
    return Faults(
        lost=len(known - times.keys()),
        doubled=sum(count - 1 for count in times.values()),
        out_of_order=_falls(place.position for place in times),  # in the order of the first time
        strange=len(times.keys() - known),
    )


def journal_faults(accepted: Iterable[int], committed: Iterable[int]) -> Faults:
    """Of the journal itself: the numbers of events that the service said it has taken, against
    those that are in it."""
    times = Counter(committed)
    lost = len(set(accepted) - times.keys())
    return Faults(lost=lost, doubled=sum(count - 1 for count in times.values()))


def _falls(positions: Iterable[int]) -> int:
    highest, falls = 0, 0
    for position in positions:
        falls += position < highest
        highest = max(highest, position)
    return falls

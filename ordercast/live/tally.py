"""How much was fanned out, for the metrics: written once for many messages, as a write into the
files that processes share takes longer than an event."""

from collections.abc import Iterable

from prometheus_client import Counter

from ordercast.journal import Entry
from ordercast.metrics import EVENTS_FANNED_OUT, FOLLOWER_POSITION


class Tally:
    def __init__(self) -> None:
        self._counters: dict[str, Counter] = {}  # of EVENTS_FANNED_OUT, by name
        self._counts: dict[str, int] = {}  # by name, of those that are not written yet
        self._position = 0  # that is written

    def count(self, entries: Iterable[Entry]) -> None:
        counts = self._counts
        for entry in entries:
            counts[entry.name] = counts.get(entry.name, 0) + 1

    def write(self, position: int) -> None:
        """Write the counts, and the position that is fanned out."""
        counts, self._counts = self._counts, {}
        for name, count in counts.items():
            self._counter(name).inc(count)
        if position != self._position:
            self._position = position
            FOLLOWER_POSITION.set(position)

    def _counter(self, name: str) -> Counter:
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = EVENTS_FANNED_OUT.labels(name)
        return counter

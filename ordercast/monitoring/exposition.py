"""The text that Prometheus reads."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ordercast.metrics import FOLLOWER_POSITION, PROCESSES
from ordercast.monitoring.folder import is_alive, is_own
from ordercast.monitoring.sharing import shared

CONTENT_TYPE = CONTENT_TYPE_LATEST
TRIES = 3  # a process that starts removes the gauges of its predecessor


Measure = Callable[[Mapping[str, float]], Iterable[Metric]]


def exposition(measure: Measure = lambda _: (), *, follows: bool = True) -> bytes:
    """The series of all processes of this host, which share a folder; else those of this one. And
    what `measure` returns, given the positions that the processes have fanned out, by their
    numbers. `follows`: these are web processes, which follow the journal."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything(shared(), measure, follows=follows))
    return generate_latest(registry)


class _Everything(Collector):
    def __init__(self, folder: Path | None, measure: Measure, *, follows: bool) -> None:
        self._folder = folder
        self._measure = measure
        self._follows = follows

    def collect(self) -> Iterator[Metric]:
        followed: dict[str, float] = {}
        if self._folder is None:
            PROCESSES.set(1)
        for metric in REGISTRY.collect() if self._folder is None else _of_all(self._folder):
            if metric.name == FOLLOWER_POSITION._name:
                if not self._follows:
                    continue
                for sample in metric.samples:
                    followed[sample.labels.setdefault("process", "0")] = sample.value
            yield metric
        yield from self._measure(followed)


def _of_all(folder: Path) -> Iterable[Metric]:
    for _ in range(TRIES - 1):
        try:
            return _read(folder)
        except FileNotFoundError:
            continue
    return _read(folder)


def _read(folder: Path) -> list[Metric]:
    """Sums of the counters of all processes, also of those that have ended, and of the gauges of
    the living. A gauge that is not summed has the label `process`, the number of the slot."""
    files = [str(file) for file in folder.glob("*.db")]
    if not is_own(folder):
        return list(MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call]
    merged = MultiProcessCollector.merge(_counted(folder, files))  # type: ignore[no-untyped-call]
    return [_named(metric) for metric in merged]


def _counted(folder: Path, files: list[str]) -> Iterator[str]:
    living: dict[str, bool] = {}
    for file in files:
        kind, _, slot = Path(file).stem.rpartition("_")
        if kind.startswith("gauge"):
            if slot not in living:
                living[slot] = is_alive(folder, slot)
            if not living[slot]:
                continue
        yield file


def _named(metric: Metric) -> Metric:
    """The number of a slot is no process id, whatever prometheus-client calls it."""
    metric.samples = [
        sample._replace(labels={_label(name): value for name, value in sample.labels.items()})
        for sample in metric.samples
    ]
    return metric


def _label(name: str) -> str:
    return "process" if name == "pid" else name

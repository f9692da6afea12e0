"""The series of this process in the folder of its host: prometheus-client's multiprocess mode.

prometheus-client decides when it is first imported whether series are shared, from
PROMETHEUS_MULTIPROC_DIR. Here it is decided later too: the command `worker` is known when the
application is loaded, and so is a process of gunicorn with --preload. The series that exist by then
begin anew. A team that sets the variable itself has its own folder, and nothing is changed."""

import os
from pathlib import Path

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Summary, values

from ordercast.monitoring.folder import take_slot

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
KINDS = (Counter, Gauge, Histogram, Summary)


def join(folder: Path) -> None:
    """Keep this process's series in the folder from now on. Call it after any fork, before threads
    count. Raises OSError."""
    slot, owner = take_slot(folder), os.getpid()

    def identifier() -> str:
        """Of the files: a process that this one forks must not write into the same."""
        return slot if os.getpid() == owner else f"{slot}-{os.getpid()}"

    os.environ[VARIABLE] = str(folder)
    values.ValueClass = values.MultiProcessValue(identifier)  # type: ignore[no-untyped-call]
    for collector in set(REGISTRY._names_to_collectors.values()):
        if isinstance(collector, KINDS):
            _begin_anew(collector)


def _begin_anew(series: Counter | Gauge | Histogram | Summary) -> None:
    children = [*series._metrics.values()] if series._is_parent() else [series]  # type: ignore[no-untyped-call]
    for child in children:
        child._metric_init()


def shared() -> Path | None:
    """The folder with the series of all processes; None if those of this process are its own."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named and values.ValueClass._multiprocess else None

"""Series that exist before it is known that they are shared, and processes that share them."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

PROCESS = """
import os, sys
from pathlib import Path
from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter("events_total", "Events.", ["kind"])
SOME = EVENTS.labels("some")  # bound before, as by a module that is imported
OPEN = Gauge("open", "Open.", multiprocess_mode="livesum")
EACH = Gauge("each", "Of each process.", multiprocess_mode="liveall")
SECONDS = Histogram("seconds", "Seconds.", buckets=[1, 2])
SOME.inc(100)  # before the process is one of several

from ordercast.monitoring import sharing
from ordercast.monitoring.exposition import exposition

assert sharing.shared() is None
assert b"events_total" in exposition()
folder = Path(sys.argv[1])
sharing.join(folder)
assert sharing.shared() == folder
SOME.inc()
EVENTS.labels("other").inc(2)
OPEN.set(5)
EACH.set(7)
SECONDS.observe(1.5)
AFTERWARDS = Counter("afterwards_total", "Declared later.")
AFTERWARDS.inc()
if child := os.fork():
    os.waitpid(child, 0)
else:
    SOME.inc(10)
    OPEN.set(1000)
    os._exit(0)
SOME.inc()
if len(sys.argv) > 2:
    sys.stdout.write(exposition().decode())
"""


def run(folder: Path, *arguments: str) -> dict[tuple[str, ...], float]:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, str(folder), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PROMETHEUS_DISABLE_CREATED_SERIES": "1"},
        check=True,
    )
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(done.stdout)
        for sample in family.samples
    }


def test_counters_are_sums_with_the_dead_and_gauges_are_of_the_living(tmp_path: Path) -> None:
    folder = tmp_path / "ordercast-metrics-test"
    folder.mkdir()
    run(folder)
    found = run(folder, "show")
    # Of two processes, and a child of each, which is not their process.
    assert found["events_total", "some"] == 2 * (2 + 10)
    assert found["events_total", "other"] == 2 * 2
    assert found["afterwards_total",] == 2
    assert found["seconds_count",] == 2
    assert found["seconds_sum",] == 3.0
    assert (found["seconds_bucket", "1.0"], found["seconds_bucket", "2.0"]) == (0, 2)
    assert found["open",] == 5
    assert found["each", "0"] == 7

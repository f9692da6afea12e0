"""One journal, and eight of them by a hash of the receiver: the step past one head, simulated.

    python -m bench.lanes [--events 24000] [--turns 3] [--json FILE]

On one PostgreSQL and one Redis, with the library's own sequencers, each a process: for events that
wait, and for events that come steadily. Then clients that keep one offset are checked. An event
that is missing, doubled or out of order fails the run. bench/README.md describes the method.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles

from bench import usage
from bench.lane import Lane, Lanes, event
from bench.lane_clients import check
from bench.lane_sequencing import Sequencing
from bench.table import shown
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer

MANY = 8
RECEIVERS = 1000
PER_TRANSACTION = 20  # events that are appended together
STEADY_PER_SECOND, STEADY_SECONDS = 1000, 4
PER_ORDER = 2  # events of a transaction that come steadily: to a customer and to a seller
SETTLE_SECONDS = 1.0
CHECKED_TRANSACTIONS = 2000
TEXT = "x" * 190  # makes a payload of about 250 bytes
WRONG = ("lost", "doubled", "out of order")

Figures = dict[str, float]
ROWS = (
    ("rate", "events that wait, events/s", ""),
    ("sequencers", "CPU per event, sequencers", "µs"),
    ("database", "CPU per event, database", "µs"),
    ("cores", "cores that both use", ""),
    ("steadySequencers", "1,000 events/s: CPU per event, sequencers", "µs"),
    ("steadyDatabase", "CPU per event, database, appending included", "µs"),
    ("p50", "append to publish, p50", "ms"),
    ("p99", "append to publish, p99", "ms"),
)


class Bench:
    """The same work for a number of lanes, each with its sequencer."""

    def __init__(self, lanes: Lanes, sequencing: Sequence[Sequencing], postmaster: int) -> None:
        self._lanes = lanes
        self._sequencing = sequencing
        self._postmaster = postmaster
        self._next = 0

    def turn(self, events: int) -> Figures:
        return {**self._waiting(events), **self._steady()}

    def _waiting(self, count: int) -> Figures:
        """All events are committed, and then sequenced."""
        owed: Counter[str] = Counter()
        for _ in range(0, count, PER_TRANSACTION):
            owed.update(self._append(PER_TRANSACTION))
        began, before = time.monotonic(), self._database_seconds()
        for one in self._sequencing:
            one.begin(count=owed[one.lane.schema])
        answers = [one.answer() for one in self._sequencing]
        seconds = time.monotonic() - began
        database = self._database_seconds() - before
        cpu = sum(answer.cpu_seconds for answer in answers)
        return {
            "rate": count / seconds,
            "sequencers": cpu / count * 1e6,
            "database": database / count * 1e6,
            "cores": (cpu + database) / seconds,
        }

    def _steady(self) -> Figures:
        for one in self._sequencing:
            one.begin()
        before, due = self._database_seconds(), time.monotonic()
        count = STEADY_PER_SECOND * STEADY_SECONDS
        for _ in range(0, count, PER_ORDER):
            self._append(PER_ORDER, ring=True)
            due += PER_ORDER / STEADY_PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
        time.sleep(SETTLE_SECONDS)
        answers = [one.finish() for one in self._sequencing]
        database = self._database_seconds() - before
        found = sum(answer.events for answer in answers)
        if found != count:
            raise RuntimeError(f"{found} of {count} events were sequenced")
        waited = sorted(one for answer in answers for one in answer.latencies)
        return {
            "steadySequencers": sum(one.cpu_seconds for one in answers) / count * 1e6,
            "steadyDatabase": database / count * 1e6,
            "p50": median(waited) * 1e3,
            "p99": quantiles(waited, n=100)[98] * 1e3,
        }

    def _append(self, count: int, *, ring: bool = False) -> Counter[str]:
        """One transaction of so many events -> how many each lane got."""
        numbers = range(self._next, self._next + count)
        self._next += count
        events = [
            event(f"user:{n * 7919 % RECEIVERS}", number=n, text=TEXT, at=time.monotonic())
            for n in numbers
        ]
        for lane in self._lanes.append(events):
            if ring:
                lane.ring()
        return Counter(lane.schema for each in events for lane in self._lanes.of(each.room))

    def _database_seconds(self) -> float:
        running = usage.cpu_seconds(usage.family(self._postmaster))
        return running + usage.ended_seconds(self._postmaster)


@contextmanager
def prepared() -> Iterator[tuple[dict[int, Bench], Lanes]]:
    """-> the same bench for one lane and for many, and lanes without sequencers."""
    with ExitStack() as stack:
        path = stack.enter_context(tempfile.TemporaryDirectory(prefix="ordercast-bench-"))
        folder = Path(path)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        (folder / "pg").mkdir()
        postgres = Postgres(folder / "pg")
        stack.callback(postgres.stop)
        redis = RedisServer(folder)
        redis.start()
        stack.callback(redis.stop)
        url = postgres.url(postgres.new_database())
        sets = {
            name: [Lane(url, redis.url, f"{name}_{number}") for number in range(count)]
            for name, count in (("one", 1), ("many", MANY), ("checked", MANY))
        }
        for lane in (lane for lanes in sets.values() for lane in lanes):
            lane.create()
        postmaster = int((folder / "pg/postmaster.pid").read_text().split()[0])
        benches = {}
        for name in ("one", "many"):
            sequencing = [Sequencing(lane) for lane in sets[name]]  # before this process connects
            for one in sequencing:
                stack.callback(one.end)
            benches[len(sequencing)] = sequencing
        lanes = {name: Lanes(url, sets[name]) for name in sets}
        for each in lanes.values():
            stack.callback(each.close)
        yield (
            {
                count: Bench(lanes["one" if count == 1 else "many"], sequencing, postmaster)
                for count, sequencing in benches.items()
            },
            lanes["checked"],
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=24_000, help="that wait, in each turn")
    parser.add_argument("--turns", type=int, default=3, help="the table has their median")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    figures: dict[int, list[Figures]] = {1: [], MANY: []}
    with prepared() as (benches, checked):
        for bench in benches.values():
            bench.turn(2000)  # warm-up
        for _ in range(arguments.turns):
            for count, bench in benches.items():
                found = bench.turn(arguments.events)
                figures[count].append(found)
                sys.stderr.write(f"lanes: {count}: {json.dumps(found)}\n")
        counted = check(checked, CHECKED_TRANSACTIONS)
    print(markdown(figures))
    print(f"\none offset per client, {MANY} lanes: {json.dumps(counted)}")
    if arguments.json:
        report = {"figures": figures, "checked": counted}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if any(counted[name] for name in WRONG) else 0


def markdown(figures: dict[int, list[Figures]]) -> str:
    lines = [f"| | one lane | {MANY} lanes | ratio |", "|---|---|---|---|"]
    for key, title, unit in ROWS:
        one, many = (median(turn[key] for turn in turns) for turns in figures.values())
        lines.append(f"| {title} | {shown(one, unit)} | {shown(many, unit)} | {many / one:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

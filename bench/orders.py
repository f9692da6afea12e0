"""An order placed and confirmed over HTTP: CPU, changes/s and latency, beside stock and Node.

    python -m bench.orders [--seconds 3] [--turns 9] [--servers node,ordercast] [--json FILE]

16 callers place orders of one item and confirm them, as fast as they are answered, while 100
customers and 100 sellers listen as stock clients. Each contender has a PostgreSQL, a Redis and one
web process of its own; they take turns, so that other work on the machine hits all alike. Every
event is counted; of ordercast, a missing or doubled event fails the run. bench/README.md describes
the method.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from bench import usage
from bench.compare import names
from bench.contenders import SHOPS, Server, running
from bench.latency import people
from bench.table import COLUMNS, shown
from tests.harness.processes.process import ROOT
from tests.harness.servers.postgres import Postgres

CALLERS = 16
CONNECTIONS = 20  # to the database, of each contender's pool: more than callers
WARMUP_SECONDS = 5

Figures = dict[str, float]
Counts = dict[str, Any]


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    unit: str = ""
    goal: float | None = None  # for ordercast ÷ stock
    is_more_better: bool = False


ROWS = (
    Row("web", "CPU per change, web", "ms", 0.7),
    Row("worker", "CPU per change, worker", "ms"),
    Row("database", "CPU per change, database", "ms"),
    Row("all", "CPU per change, all together", "ms", 1.0),
    Row("rate", "changes/s", goal=1.2, is_more_better=True),
    Row("answer50", "HTTP answer, p50", "ms"),
    Row("answer99", "HTTP answer, p99", "ms"),
    Row("event50", "call to event, p50", "ms"),
    Row("event99", "call to event, p99", "ms"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3, help="of each turn")
    parser.add_argument("--turns", type=int, default=9, help="the table has their median")
    parser.add_argument("--servers", type=names(SHOPS), default=frozenset(SHOPS))
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        shops = {
            name: stack.enter_context(shop(name, arguments.seconds))
            for name in SHOPS
            if name in arguments.servers
        }
        turns: dict[str, list[Figures]] = {name: [] for name in shops}
        for _, name in product(range(arguments.turns), shops):
            turns[name].append(shops[name].turn())
            sys.stderr.write(f"{name}: {json.dumps(turns[name][-1])}\n")
        counts = {name: each.end() for name, each in shops.items()}
    print(markdown(turns, counts))
    if arguments.json:
        arguments.json.write_text(json.dumps({"turns": turns, "counts": counts}, indent=1) + "\n")
    return 1 if any(is_failure(name, each) for name, each in counts.items()) else 0


def is_failure(name: str, counts: Counts) -> bool:
    """A refused call, or an event of ordercast that did not come exactly once. The others emit
    without a journal: theirs are reported only."""
    wrong = counts["wrong"]
    return any(wrong.values()) if name == "ordercast" else bool(wrong["failed"])


class Shop:
    """A running contender and its load (bench/node/orders.mjs), warmed up."""

    def __init__(self, server: Server, postmaster: int, load: subprocess.Popen[str]) -> None:
        self._server = server
        self._postmaster = postmaster
        self._load = load

    def turn(self) -> Figures:
        """Place and confirm for the plan's seconds -> {key of a row: value}; CPU is per change."""
        before = self._cpu_seconds()
        report = ask(self._load, "go", "arrived")
        after = self._cpu_seconds()
        cpu = {key: (after[key] - before[key]) / report["changes"] * 1000 for key in after}
        return {
            **cpu,
            "all": sum(cpu.values()),
            "rate": report["changesPerSecond"],
            **{
                f"{kind}{share}": report[f"{kind}Ms"][f"p{share}"]
                for kind, share in product(("answer", "event"), (50, 99))
            },
        }

    def end(self) -> Counts:
        """-> {expected, wrong: {failed, missing, doubled, strays}}, of events and calls."""
        return ask(self._load, "end", "ended")

    def _cpu_seconds(self) -> dict[str, float]:
        """By kind of process. A connection that PostgreSQL has closed counts as its ended child."""
        web, *workers = self._server.programs
        database = usage.cpu_seconds(usage.family(self._postmaster))
        return {
            "web": usage.cpu_seconds(web.pids()),
            "worker": usage.cpu_seconds(pid for worker in workers for pid in worker.pids()),
            "database": database + usage.ended_seconds(self._postmaster),
        }


@contextmanager
def shop(name: str, seconds: int) -> Iterator[Shop]:
    """A contender started fresh. Its tables are those of our migrations."""
    with ExitStack() as stack:
        path = stack.enter_context(tempfile.TemporaryDirectory(prefix="ordercast-bench-"))
        folder = Path(path)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        (folder / "pg").mkdir()
        postgres = Postgres(folder / "pg")
        stack.callback(postgres.stop)
        url = postgres.url(postgres.new_database())
        variables = {"DATABASE_URL": url, "DATABASE_POOL": str(CONNECTIONS)}
        server = stack.enter_context(running(name, folder, variables=variables, among=SHOPS))
        plan = {
            "url": f"http://127.0.0.1:{server.port}",
            "callers": CALLERS,
            "warmupSeconds": WARMUP_SECONDS,
            "seconds": seconds,
            "pairs": people(url, server.redis_url),
        }
        load = subprocess.Popen(
            ["node", "orders.mjs"],
            cwd=ROOT / "bench/node",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(load.communicate)
        stack.callback(load.kill)
        ask(load, json.dumps(plan), "ready")
        postmaster = int((folder / "pg/postmaster.pid").read_text().split()[0])
        yield Shop(server, postmaster, load)


def ask(load: subprocess.Popen[str], line: str, phase: str) -> dict[str, Any]:
    """Write a line to the load -> its answer, the report of this phase."""
    assert load.stdin is not None
    print(line, file=load.stdin, flush=True)
    return read(load, phase)


def read(load: subprocess.Popen[str], phase: str) -> dict[str, Any]:
    """The next report of a load, which is of this phase."""
    assert load.stdout is not None
    answer = load.stdout.readline()
    if not answer:
        raise RuntimeError(f"the load ended, and was not {phase}")
    report: dict[str, Any] = json.loads(answer)
    assert report.pop("phase") == phase
    return report


def markdown(turns: dict[str, list[Figures]], counts: dict[str, Counts]) -> str:
    """One line for each of ROWS; the ratio to stock is bold where its target is missed."""
    lines = [
        f"| an order change over HTTP | {' | '.join(COLUMNS.values())} "
        "| ratio to stock | ratio to Node | to reach (of stock) |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        values = {name: middle(turns.get(name, ()), row.key) for name in COLUMNS}
        cells = " | ".join(shown(value, row.unit) for value in values.values())
        to_stock = marked(row, ratio(turns, row.key, "stock"))
        to_node = ratio(turns, row.key, "node")
        shown_to_node = "" if to_node is None else f"{to_node:.2f}"
        goal = f"{'≥' if row.is_more_better else '≤'} {row.goal}" if row.goal else ""
        lines.append(f"| {row.title} | {cells} | {to_stock} | {shown_to_node} | {goal} |")
    cells = " | ".join(lost(counts.get(name)) for name in COLUMNS)
    return "\n".join([*lines, f"| events missing or doubled, of all | {cells} | | | 0 |"])


def marked(row: Row, value: float | None) -> str:
    if value is None:
        return ""
    misses = row.goal and (value < row.goal if row.is_more_better else value > row.goal)
    return f"**{value:.2f}**" if misses else f"{value:.2f}"


def lost(counts: Counts | None) -> str:
    if counts is None:
        return ""
    return f"{counts['wrong']['missing'] + counts['wrong']['doubled']} of {counts['expected']:,}"


def middle(turns: Sequence[Figures], key: str) -> float | None:
    return median(turn[key] for turn in turns) if turns else None


def ratio(turns: dict[str, list[Figures]], key: str, to: str) -> float | None:
    """The median of ordercast's ratios, each to the neighbouring turn of `to`."""
    pairs = zip(turns.get("ordercast", ()), turns.get(to, ()), strict=False)
    ratios = [ours[key] / theirs[key] for ours, theirs in pairs if theirs[key]]
    return median(ratios) if ratios else None


if __name__ == "__main__":
    sys.exit(main())

"""An order placed and confirmed over HTTP: CPU, changes/s and latency, beside stock and Node.

    python -m bench.orders [--seconds 15] [--rounds 3] [--servers node,ordercast] [--json FILE]

16 callers place orders of one item and confirm them, as fast as they are answered, while 100
customers and 100 sellers listen as stock clients. Each contender is started fresh, alone with its
own PostgreSQL and Redis and one web process. Every event is counted; of ordercast, a missing or
doubled event fails the run. bench/README.md describes the method.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
DEADLINE_SECONDS = 60.0  # of the load beyond its plan: connects, and events that come late

Report = dict[str, Any]


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
    parser.add_argument("--seconds", type=int, default=15, help="after 5 of warm-up")
    parser.add_argument("--rounds", type=int, default=1, help="the table has their median")
    parser.add_argument("--servers", type=names(SHOPS), default=frozenset(SHOPS))
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    servers = [name for name in SHOPS if name in arguments.servers]
    reports: dict[str, list[Report]] = {name: [] for name in servers}
    for _, name in product(range(arguments.rounds), servers):
        reports[name].append(measure(name, arguments.seconds))
        sys.stderr.write(f"{name}: {json.dumps(reports[name][-1])}\n")
    print(markdown(reports))
    if arguments.json:
        arguments.json.write_text(json.dumps(reports, indent=1) + "\n")
    return (
        1 if any(is_failure(name, each) for name, many in reports.items() for each in many) else 0
    )


def is_failure(name: str, report: Report) -> bool:
    """A refused call, or an event of ordercast that did not come exactly once. The others emit
    without a journal: theirs are reported only."""
    wrong = report["wrong"]
    return any(wrong.values()) if name == "ordercast" else bool(wrong["failed"])


def measure(name: str, seconds: int) -> Report:
    """A contender started fresh -> {key of a row: value, expected, wrong, loadCpuSeconds}."""
    with tempfile.TemporaryDirectory(prefix="ordercast-bench-") as path:
        folder = Path(path)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        with shop(name, folder) as (server, postmaster, pairs):
            plan = {
                "url": f"http://127.0.0.1:{server.port}",
                "callers": CALLERS,
                "warmupSeconds": WARMUP_SECONDS,
                "seconds": seconds,
                "pairs": pairs,
            }
            return figures(plan, server, postmaster)


@contextmanager
def shop(name: str, folder: Path) -> Iterator[tuple[Server, int, list[dict[str, str]]]]:
    """-> the server, PostgreSQL's pid, and the people. The tables are those of our migrations for
    every contender."""
    (folder / "pg").mkdir()
    postgres = Postgres(folder / "pg")
    try:
        url = postgres.url(postgres.new_database())
        variables = {"DATABASE_URL": url, "DATABASE_POOL": str(CONNECTIONS)}
        with running(name, folder, variables=variables, among=SHOPS) as server:
            pairs = people(url, server.redis_url)
            postmaster = int((folder / "pg/postmaster.pid").read_text().split()[0])
            yield server, postmaster, pairs
    finally:
        postgres.stop()


def figures(plan: dict[str, Any], server: Server, postmaster: int) -> Report:
    """Run the load against a server, and read the CPU around the measured part."""
    load = subprocess.Popen(
        ["node", "orders.mjs"],
        cwd=ROOT / "bench/node",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdin is not None
    assert load.stdout is not None
    try:
        print(json.dumps(plan), file=load.stdin, flush=True)
        expect(load.stdout.readline(), "ready")
        before = cpu_seconds(server, postmaster)
        print("go", file=load.stdin, flush=True)
        expect(load.stdout.readline(), "arrived")
        after = cpu_seconds(server, postmaster)
        report: Report = json.loads(load.stdout.readline())
        load.wait(timeout=DEADLINE_SECONDS)
    finally:
        load.kill()
        load.wait()
    cpu = {key: (after[key] - before[key]) / report["changes"] * 1000 for key in after}
    return {
        **cpu,
        "all": sum(cpu.values()),
        "rate": report["changesPerSecond"],
        **{
            f"{kind}{share}": report[f"{kind}Ms"][f"p{share}"]
            for kind, share in product(("answer", "event"), (50, 99))
        },
        **{key: report[key] for key in ("changes", "expected", "wrong", "loadCpuSeconds")},
    }


def expect(line: str, phase: str) -> None:
    if not line or json.loads(line).get("phase") != phase:
        raise RuntimeError(f"the load ended before it was {phase}")


def cpu_seconds(server: Server, postmaster: int) -> dict[str, float]:
    """By kind of process. A connection that PostgreSQL has closed counts as its ended child."""
    web, *workers = server.programs
    database = usage.cpu_seconds(usage.family(postmaster)) + usage.ended_seconds(postmaster)
    return {
        "web": usage.cpu_seconds(web.pids()),
        "worker": usage.cpu_seconds(pid for worker in workers for pid in worker.pids()),
        "database": database,
    }


def markdown(reports: dict[str, list[Report]]) -> str:
    """One line for each of ROWS; the ratio to stock is bold where its target is missed."""
    lines = [
        f"| an order change over HTTP | {' | '.join(COLUMNS.values())} "
        "| ratio to stock | ratio to Node | to reach (of stock) |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        values = {name: middle(reports.get(name, ()), row.key) for name in COLUMNS}
        cells = " | ".join(shown(value, row.unit) for value in values.values())
        to_stock = marked(row, ratio(values["ordercast"], values["stock"]))
        to_node = ratio(values["ordercast"], values["node"])
        shown_to_node = "" if to_node is None else f"{to_node:.2f}"
        goal = f"{'≥' if row.is_more_better else '≤'} {row.goal}" if row.goal else ""
        lines.append(f"| {row.title} | {cells} | {to_stock} | {shown_to_node} | {goal} |")
    cells = " | ".join(lost(reports.get(name, ())) for name in COLUMNS)
    return "\n".join([*lines, f"| events missing or doubled, of all | {cells} | | | 0 |"])


def marked(row: Row, value: float | None) -> str:
    if value is None:
        return ""
    misses = row.goal and (value < row.goal if row.is_more_better else value > row.goal)
    return f"**{value:.2f}**" if misses else f"{value:.2f}"


def lost(reports: Sequence[Report]) -> str:
    if not reports:
        return ""
    wrong = sum(report["wrong"][kind] for report in reports for kind in ("missing", "doubled"))
    return f"{wrong} of {sum(report['expected'] for report in reports):,}"


def middle(reports: Sequence[Report], key: str) -> float | None:
    return median(report[key] for report in reports) if reports else None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


if __name__ == "__main__":
    sys.exit(main())

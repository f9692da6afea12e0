"""Ordercast beside Node's Socket.IO and stock Flask-SocketIO: CPU, memory and latency.

    python -m bench.compare [--connections 1000,9000] [--only fanout,...] [--servers node,...]

Every server is started fresh, one after the other, alone with its own Redis; CPU is the user and
system time of all its processes. An event at the wrong client, doubled, out of order or missing
fails the run. bench/README.md describes the method.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from bench import rows
from bench.contenders import CONTENDERS, running
from bench.floor import floor_us
from bench.load import compile_load
from bench.table import Result, markdown
from tests.harness.processes.process import ROOT

# What --only takes, and the rows of each.
WITH_LATENCY = {
    "fanout": ("fanout", "latencyP50", "latency"),
    "oneuser": ("oneuser", "oneuserP50", "oneuserP99"),
    "nobody": ("nobody", "nobodyNet", "nobodyLast"),
    "connect": ("connect", "connectTime"),
    "memory": ("memory",),
    "idle": ("idle",),
}
ROOM_ROWS = frozenset({"fanout"})
USER_ROWS = WITH_LATENCY.keys() - ROOM_ROWS
KEYS = (*WITH_LATENCY, "floor")
BUSY = 0.85  # of a core; above it requests queue, and latency means little
LATE_MS = 20  # p99 of the emitter's delay; above it events come in bursts, which are cheaper


def main() -> int:
    arguments = parse()
    allow_files(max(arguments.connections))
    results, floors = run(arguments)
    print(markdown(results, floors_us=floors))
    if arguments.json:
        report = {"machine": machine(), "floorsUs": floors, "results": results}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    complaints = [line for result in results for line in wrong(result)]
    print("\n".join(["", *complaints]) if complaints else "\nEvery event came, once, in order.")
    return 1 if complaints else 0


def run(arguments: argparse.Namespace) -> tuple[list[Result], list[float]]:
    """All rounds -> their results, and the floor of each round, µs."""
    results: list[Result] = []
    floors = []
    with tempfile.TemporaryDirectory(prefix="ordercast-bench-") as name:
        program = compile_load(Path(name))
        for number in range(arguments.rounds):
            if "floor" in arguments.only:
                floors.append(floor_us())
            for clients, server in product(arguments.connections, arguments.servers):
                measured = measure(server, clients, program, arguments)
                results.append(
                    {"server": server, "connections": clients, "round": number, "rows": measured}
                )
                sys.stderr.write(summary(results[-1]))
    return results, floors


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--connections", type=sizes, default=[1000], help="1000,9000")
    parser.add_argument("--only", type=names(KEYS), default=frozenset(KEYS), help=",".join(KEYS))
    parser.add_argument("--servers", type=names(CONTENDERS), default=frozenset(CONTENDERS))
    parser.add_argument("--rounds", type=int, default=1, help="the table has their median")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout of ordercast")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    arguments.servers = [name for name in CONTENDERS if name in arguments.servers]
    return arguments


def sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def names(known: Iterable[str]) -> Any:
    def given(text: str) -> frozenset[str]:
        parts = frozenset(text.split(","))
        if unknown := parts - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
        return parts

    return given


def allow_files(clients: int) -> None:
    """Raise the limit of open files, which the server and the load inherit: one a connection."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if clients + 500 > most:
        raise SystemExit(f"{clients} clients, but this machine allows {most} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def measure(
    name: str, clients: int, program: Path, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Measure a server, in a fresh process for each set of clients -> {row: figures}."""
    only: frozenset[str] = arguments.only
    figures: dict[str, Any] = {}
    if only & USER_ROWS:
        with fresh(name, program, arguments.root, rows.users(clients)) as bench:
            figures |= rows.measure_users(bench, clients, only=only)
    if only & ROOM_ROWS:
        with fresh(name, program, arguments.root, rows.room(clients)) as bench:
            figures |= rows.measure_room(bench, clients)
    wanted = [key for name, keys in WITH_LATENCY.items() if name in only for key in keys]
    return {key: figures[key] for key in wanted if key in figures}


@contextmanager
def fresh(
    name: str, program: Path, root: Path, users: list[tuple[int, str]]
) -> Iterator[rows.Bench]:
    """A server just started, and its load, whose clients have not connected yet."""
    with tempfile.TemporaryDirectory(prefix="ordercast-bench-") as path:
        folder = Path(path)
        with (
            running(name, folder, root=root.resolve()) as server,
            rows.bench(server, program, folder, users) as bench,
        ):
            yield bench


def summary(result: Result) -> str:
    """The progress of a run in one line, and warnings about figures to distrust."""
    values = (f"{key} {figures['value']:.3g}" for key, figures in result["rows"].items())
    lines = [f"{result['server']} {result['connections']}: {', '.join(values)}"]
    for key, figures in result["rows"].items():
        for share, who in (("cpuShare", "server"), ("loadShare", "load")):
            if figures.get(share, 0) > BUSY:
                lines.append(f"  {key}: the {who} used {figures[share]:.0%} of a core")
        if figures.get("emitLateMs", 0) > LATE_MS:
            lines.append(f"  {key}: events left in bursts, {figures['emitLateMs']:.0f} ms late")
    return "\n".join(lines) + "\n"


def wrong(result: Result) -> list[str]:
    return [
        f"{result['server']} {result['connections']} {key}: "
        + ", ".join(f"{count} {name}" for name, count in figures["wrong"].items())
        for key, figures in result["rows"].items()
        if figures.get("wrong")
    ]


def machine() -> dict[str, Any]:
    """The machine and the versions that the figures depend on."""
    packages = ("flask-socketio", "python-socketio", "python-engineio", "gevent", "gunicorn")
    modules = ROOT / "bench/node/node_modules"
    peers = ("socket.io", "engine.io", "ws", "@socket.io/redis-adapter", "redis", "jsonwebtoken")
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "node": subprocess.check_output(["node", "--version"], text=True).strip(),
        **{name: version(name) for name in packages},
        **{
            name: json.loads((modules / name / "package.json").read_text())["version"]
            for name in peers
        },
    }


if __name__ == "__main__":
    sys.exit(main())

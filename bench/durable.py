"""Durable events to 200 stock clients: through the inbox, and appended by 8 processes.

    python -m bench.durable [--events 20000] [--turns 3] [--root CHECKOUT] [--json FILE]

On PostgreSQL, with one web process; each event goes to one client. First with one background
worker, then with two. An event that is missing, doubled, out of order or at the wrong client fails
the run. bench/README.md describes the method.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from bench import usage
from bench.appending import payload
from bench.contenders import Program, Server, running
from bench.load import claims, signed_with_secret, sub
from bench.orders import ask, read
from bench.table import shown
from ordercast.broker import Broker
from tests.harness.processes.process import FLASK, ROOT, environment
from tests.harness.servers.postgres import Postgres
from tests.harness.waiting import wait_until

CLIENTS = 200
PROCESSES = 8  # that append
PER_TRANSACTION = 20  # events that each of them commits together
WARMUP_EVENTS = 2000
LONE_EVENTS, LONE_SECONDS = 100, 0.05  # one after the other, and the time between them

Figures = dict[str, float]


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    unit: str = ""
    goal: float | None = None
    is_more_better: bool = False


KINDS = {
    "inbox": (
        "through the inbox",
        (
            Row("rate", "events/s", goal=10_000, is_more_better=True),
            Row("worker", "CPU per event, workers", "µs", 50),
            Row("web", "CPU per event, web", "µs"),
            Row("database", "CPU per event, database", "µs"),
        ),
    ),
    "append": (
        "appended by 8 processes",
        (
            Row("rate", "events/s", goal=10_000, is_more_better=True),
            Row("worker", "CPU per event, workers", "µs", 50),
            Row("web", "CPU per event, web", "µs"),
            Row("database", "CPU per event, database", "µs"),
            Row("sender", "CPU per event, the 8 processes", "µs"),
        ),
    ),
    "backlog": (
        "appended by 8 processes while the worker stood still",
        (
            Row("rate", "events/s", goal=10_000, is_more_better=True),
            Row("worker", "CPU per event, workers", "µs", 50),
        ),
    ),
    "nobody": (
        "through the inbox, for clients of other processes",
        (
            Row("rate", "events/s", is_more_better=True),
            Row("web", "CPU per event, web", "µs", 3),
        ),
    ),
    "lone inbox": (
        "a lone event through the inbox",
        (Row("p50", "sent to received, p50", "ms"), Row("p99", "sent to received, p99", "ms")),
    ),
    "lone append": (
        "a lone event appended",
        (Row("p50", "commit to received, p50", "ms"), Row("p99", "commit to received, p99", "ms")),
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000, help="of each turn")
    parser.add_argument("--turns", type=int, default=3, help="the table has their median")
    parser.add_argument("--only", choices=KINDS, help="one kind alone")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout of ordercast")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    kinds = [arguments.only] if arguments.only else list(KINDS)
    figures: dict[str, list[Figures]] = {}
    wrong: dict[str, int] = {}
    with bench(arguments.root.resolve()) as running_bench:
        running_bench.turn("inbox", WARMUP_EVENTS)
        for workers in (1, 2):
            if workers == 2:
                running_bench.add_worker()
            for _, kind in product(range(arguments.turns), kinds):
                found = running_bench.turn(kind, arguments.events)
                for name, count in found.pop("wrong").items():
                    wrong[name] = wrong.get(name, 0) + count
                figures.setdefault(f"{kind}, {workers}", []).append(found)
                sys.stderr.write(f"{kind}, workers: {workers}: {json.dumps(found)}\n")
    print(markdown(figures, kinds))
    if arguments.json:
        report = {"figures": figures, "wrong": wrong}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\n{json.dumps(wrong)}")
    return 1 if any(wrong.values()) else 0


class Bench:
    """A running service, its clients, and the processes that append."""

    def __init__(
        self,
        server: Server,
        postmaster: int,
        load: subprocess.Popen[str],
        appending: Sequence[subprocess.Popen[str]],
        start_worker: Callable[[], Program],
    ) -> None:
        self._web, *self._workers = server.programs
        self._broker = Broker(server.redis_url)
        self._postmaster = postmaster
        self._load = load
        self._appending = appending
        self._start_worker = start_worker
        self._next = 0  # the seq of the next event; no seq is used twice

    def add_worker(self) -> None:
        self._workers.append(self._start_worker())

    def turn(self, kind: str, events: int) -> dict[str, Any]:
        """Send events and wait for all -> {key of a row: value, wrong: {name: count}}; CPU is per
        event."""
        send = {
            "inbox": self._inbox,
            "append": self._append,
            "backlog": self._backlog,
            "nobody": self._nobody,
            "lone inbox": self._lone_inbox,
            "lone append": self._lone_append,
        }[kind]
        count = LONE_EVENTS if kind.startswith("lone") else events
        heard = 1 if kind == "nobody" else count  # the last ones
        expected = {"first": self._next + count - heard, "count": heard}
        ask(self._load, json.dumps(expected), "expecting")
        before = self._cpu_seconds()
        began, sender_seconds = send(self._next, count)
        report = ask(self._load, "sent", "arrived")
        after = self._cpu_seconds()
        self._next += count
        return {
            **{key: (after[key] - before[key]) / count * 1e6 for key in after},
            "sender": sender_seconds / count * 1e6,
            "load": report["cpuSeconds"] / count * 1e6,
            "rate": count / ((int(report["lastAt"]) - began) / 1e9),
            "p50": report["p50"],
            "p99": report["p99"],
            "wrong": report["wrong"],
        }

    def _inbox(self, first: int, count: int) -> tuple[int, float]:
        """Add all at once: Redis executes them together -> when that began, ns, and no CPU."""
        return self._added([self._entry(seq) for seq in range(first, first + count)])

    def _nobody(self, first: int, count: int) -> tuple[int, float]:
        """As _inbox, for users who are not connected here, and the last for one who is."""
        last = first + count - 1
        return self._added(
            [self._entry(seq, to=CLIENTS + seq) for seq in range(first, last)] + [self._entry(last)]
        )

    def _added(self, entries: Sequence[tuple[str, ...]]) -> tuple[int, float]:
        with self._broker.connect(timeout=60) as client:
            connection = client.connection_pool.get_connection()
            commands = connection.pack_commands([("MULTI",), *entries, ("EXEC",)])
            began = time.monotonic_ns()
            connection.send_packed_command(commands)
            for _ in range(len(entries) + 2):
                connection.read_response()
            client.connection_pool.release(connection)
        return began, 0.0

    def _lone_inbox(self, first: int, count: int) -> tuple[int, float]:
        with self._broker.connect(timeout=60) as client:
            for seq in range(first, first + count):
                client.execute_command(*self._entry(seq))
                time.sleep(LONE_SECONDS)
        return time.monotonic_ns(), 0.0

    def _entry(self, seq: int, to: int | None = None) -> tuple[str, ...]:
        data = json.dumps(payload(seq, PROCESSES))
        user = sub(seq % CLIENTS if to is None else to)
        return "XADD", self._broker.inbox, "*", "event", "notification", "to", user, "data", data

    def _append(self, first: int, count: int) -> tuple[int, float]:
        plans = [
            {"first": first + number, "step": PROCESSES, "count": count // PROCESSES}
            for number in range(PROCESSES)
        ]
        return self._appended(plans, per_transaction=PER_TRANSACTION, pause=0)

    def _backlog(self, first: int, count: int) -> tuple[int, float]:
        """As _append, and begin when all have committed."""
        workers = [pid for worker in self._workers for pid in worker.pids()]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            _, seconds = self._append(first, count)
        finally:
            began = time.monotonic_ns()
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        return began, seconds

    def _lone_append(self, first: int, count: int) -> tuple[int, float]:
        plan = {"first": first, "step": 1, "count": count}
        return self._appended([plan], per_transaction=1, pause=LONE_SECONDS)

    def _appended(
        self, plans: Sequence[dict[str, int]], *, per_transaction: int, pause: float
    ) -> tuple[int, float]:
        """-> when they began, ns, and the CPU seconds of all."""
        processes = self._appending[: len(plans)]
        for source, (process, plan) in enumerate(zip(processes, plans, strict=True)):
            more = {"source": source, "perTransaction": per_transaction, "pause": pause}
            users = [sub(number) for number in range(CLIENTS)]
            ask(process, json.dumps({**plan, **more, "users": users}), "prepared")
        began = time.monotonic_ns()
        for process in processes:
            assert process.stdin is not None
            print("go", file=process.stdin, flush=True)
        return began, sum(read(process, "appended")["cpuSeconds"] for process in processes)

    def _cpu_seconds(self) -> dict[str, float]:
        database = usage.cpu_seconds(usage.family(self._postmaster))
        return {
            "web": usage.cpu_seconds(self._web.pids()),
            "worker": usage.cpu_seconds(pid for one in self._workers for pid in one.pids()),
            "database": database + usage.ended_seconds(self._postmaster),
        }


@contextmanager
def bench(root: Path) -> Iterator[Bench]:
    """A service just started, whose clients are connected."""
    with ExitStack() as stack:
        path = stack.enter_context(tempfile.TemporaryDirectory(prefix="ordercast-bench-"))
        folder = Path(path)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        (folder / "pg").mkdir()
        postgres = Postgres(folder / "pg")
        stack.callback(postgres.stop)
        variables = {"DATABASE_URL": postgres.url(postgres.new_database())}
        server = stack.enter_context(running("ordercast", folder, root=root, variables=variables))
        env = environment(REDIS_URL=server.redis_url, LOG_LEVEL="WARNING", **variables)

        def start_worker() -> Program:
            log = folder / "second.log"
            worker_env = {**env, "LOG_LEVEL": "INFO"}
            worker = Program([*FLASK, "worker"], cwd=root, env=worker_env, log=log)
            stack.callback(worker.stop)
            wait_until(lambda: "worker started" in log.read_text(), "the second worker runs")
            return worker

        appending = [
            started(stack, [sys.executable, ROOT / "bench/appending.py"], root, env)
            for _ in range(PROCESSES)
        ]
        load = started(stack, ["node", "durable.mjs"], ROOT / "bench/node", env)
        tokens = [signed_with_secret(claims(i, "customer", i)) for i in range(CLIENTS)]
        plan = {"url": f"http://127.0.0.1:{server.port}", "tokens": tokens}
        ask(load, json.dumps(plan), "ready")
        postmaster = int((folder / "pg/postmaster.pid").read_text().split()[0])
        yield Bench(server, postmaster, load, appending, start_worker)


def started(
    stack: ExitStack, command: list[Any], folder: Path, env: dict[str, str]
) -> subprocess.Popen[str]:
    env = {**env, "PYTHONPATH": str(folder)}
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    stack.callback(process.communicate)
    stack.callback(process.kill)
    return process


def markdown(figures: dict[str, list[Figures]], kinds: Sequence[str]) -> str:
    """One line for each row of KINDS; bold where a target is missed."""
    lines = ["| durable events | | one worker | two workers | to reach |", "|---|---|---|---|---|"]
    for kind in kinds:
        title, rows = KINDS[kind]
        for row in rows:
            values = [middle(figures.get(f"{kind}, {workers}", ()), row.key) for workers in (1, 2)]
            cells = " | ".join(cell(row, value) for value in values)
            goal = "" if row.goal is None else f"{'≥' if row.is_more_better else '≤'} {row.goal:,}"
            lines.append(f"| {title} | {row.title} | {cells} | {goal} |")
    return "\n".join(lines)


def cell(row: Row, value: float | None) -> str:
    text = shown(value, row.unit)
    if value is None or row.goal is None:
        return text
    misses = value < row.goal if row.is_more_better else value > row.goal
    return f"**{text}**" if misses else text


def middle(turns: Sequence[Figures], key: str) -> float | None:
    return median(turn[key] for turn in turns) if turns else None


if __name__ == "__main__":
    sys.exit(main())

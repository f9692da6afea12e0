"""5,000 clients of 5,000 users lose their web process, and come back at once, beside Node.

    python -m bench.storm [--clients 1000] [--servers ordercast] [--json FILE]

The web process is killed (SIGKILL) under events at 300/s, each for one of the users, and started
again. Node is Socket.IO 4.8 with connectionStateRecovery and its in-memory adapter. To reach: all
events delivered and all clients recovered, all back no later than Node's, at most 50 statements of
the web process in the database. bench/README.md describes the method.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.emitters import Emitters, Inbox
from bench import usage
from bench.compare import allow_files, names
from bench.crowd import Crowd, user_id
from bench.peers import Node
from bench.table import shown
from tests.harness.processes.process import environment, flask
from tests.harness.processes.service import Service
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer

PER_SECOND = 300
PROCESSES = 4  # of the load
RETRY_SECONDS = 0.02  # of an event that the server did not take
TABLES = " ordercast_"  # in every statement of the library
WEB = "web"  # how the web process is named in PostgreSQL's log

Notification = dict[str, str]
Report = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--before", type=float, default=10, help="seconds of events")
    parser.add_argument("--after", type=float, default=3, help="seconds, once all are back")
    parser.add_argument("--servers", type=names(PEERS), default=frozenset(PEERS))
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    allow_files(2 * arguments.clients)
    reports = {}
    for name in PEERS:
        if name in arguments.servers:
            reports[name] = storm(
                name, arguments.clients, before=arguments.before, after=arguments.after
            )
            sys.stderr.write(f"{name}: {json.dumps(reports[name])}\n")
    print(markdown(reports))
    if arguments.json:
        arguments.json.write_text(json.dumps(reports, indent=1) + "\n")
    return 1 if is_failure(reports) else 0


def is_failure(reports: dict[str, Report]) -> bool:
    """An event of ordercast that did not come exactly once and in order, or a client that did not
    come back."""
    ours = reports.get("ordercast", {})
    return any(ours.get(key) for key in ("missing", "doubled", "disordered", "neverBack"))


class Emitter:
    """Sends an event to a random user, PER_SECOND times a second, in a thread of its own. `send`
    returns whether it was taken; if not, it is tried again."""

    def __init__(self, send: Callable[[str, Notification], bool], clients: int) -> None:
        self._send = send
        self._clients = clients
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.receivers: list[int] = []  # of each event, by its number

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        choose, started = random.Random(1), time.monotonic()
        while not self._ends.is_set():
            number, user = len(self.receivers), choose.randrange(self._clients)
            self._ends.wait(max(0.0, started + number / PER_SECOND - time.monotonic()))
            self.receivers.append(user)
            while not self._send(user_id(user), notification(number)):
                self._ends.wait(RETRY_SECONDS)


def notification(number: int) -> Notification:
    sent_ms = time.monotonic_ns() / 1e6
    return {"title": str(number), "message": f"{sent_ms:.3f}", "type": "info"}


@dataclass
class Peer:
    """A running server. `cpu_seconds` gives the time by kind of process."""

    url: str
    send: Callable[[str, Notification], bool]
    kill: Callable[[], None]  # and start again
    cpu_seconds: Callable[[], dict[str, float]]
    statements: Callable[[], list[str]] = field(default=list)  # of the web process, so far


def storm(name: str, clients: int, *, before: float, after: float) -> Report:
    with ExitStack() as stack:
        path = stack.enter_context(tempfile.TemporaryDirectory(prefix="ordercast-bench-"))
        folder = Path(path)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        peer = stack.enter_context(PEERS[name](folder))
        crowd = Crowd(peer.url, clients, processes=PROCESSES)
        stack.callback(crowd.stop)
        assert crowd.wait_connected() == clients
        emitter = Emitter(peer.send, clients)
        stack.callback(emitter.stop)
        emitter.start()
        time.sleep(before)
        crowd.watch()
        known = len(peer.statements())
        before_cpu = peer.cpu_seconds()
        killed = time.monotonic()
        peer.kill()
        back_at = crowd.wait_back()
        used = peer.cpu_seconds()
        statements = peer.statements()[known:]
        time.sleep(after)
        emitter.stop()
        due = [0] * clients
        for user in emitter.receivers:
            due[user] += 1
        reports = crowd.end(due)
    back = sorted(when - killed for when in back_at if when is not None)
    return {
        "clients": clients,
        **counted(emitter.receivers, reports),
        "neverBack": clients - len(back),
        "backSeconds": {"p50": share(back, 0.5), "p99": share(back, 0.99), "all": share(back, 1)},
        **replay(reports),
        "statements": len(statements),
        "statementTexts": Counter(statements),
        "cpuSeconds": {kind: used[kind] - before_cpu[kind] for kind in used},
        "loadCpuSeconds": sum(report["cpuSeconds"] for report in reports),
    }


def counted(receivers: Sequence[int], reports: Sequence[Report]) -> Report:
    """What came of what was sent."""
    due: dict[int, set[int]] = {}
    for number, user in enumerate(receivers):
        due.setdefault(user, set()).add(number)
    got = {
        user: numbers
        for report in reports
        for user, numbers in zip(report["part"], report["got"], strict=True)
    }
    once = {user: set(numbers) for user, numbers in got.items()}
    delivered = sum(len(once[user] & numbers) for user, numbers in due.items())
    reconnects = sum(report["reconnects"] for report in reports)
    recovered = sum(report["recovered"] for report in reports)
    return {
        "events": len(receivers),
        "missing": len(receivers) - delivered,
        "doubled": sum(len(numbers) for numbers in got.values()) - sum(map(len, once.values())),
        "disordered": sum(numbers != sorted(numbers) for numbers in got.values()),
        "deliveredPercent": 100 * delivered / len(receivers),
        "reconnects": reconnects,
        "recoveredPercent": 100 * recovered / reconnects if reconnects else 0,
    }


def replay(reports: Sequence[Report]) -> Report:
    times = sorted(ms for report in reports for ms in report["replays"])
    return {
        "replayed": len(times),
        "replayMs": {"p50": share(times, 0.5), "p99": share(times, 0.99)},
    }


def share(values: Sequence[float], part: float) -> float | None:
    """Of sorted values."""
    return values[min(len(values) - 1, int(part * len(values)))] if values else None


@contextmanager
def node(folder: Path) -> Iterator[Peer]:
    server = Node(folder)
    with httpx.Client(base_url=server.url, timeout=5) as client:

        def send(user: str, payload: Notification) -> bool:
            body = {"event": "notification", "room": f"user:{user}", "payload": payload}
            try:
                return client.post("/emit", json=body).status_code == 201
            except httpx.TransportError:
                return False

        ended: list[float] = []

        def cpu_seconds() -> float:
            return usage.cpu_seconds(usage.family(server.pid)) + sum(ended)

        def kill() -> None:
            ended.append(cpu_seconds())
            server.restart()

        try:
            yield Peer(server.url, send, kill, lambda: {"web": cpu_seconds()})
        finally:
            server.stop()


@contextmanager
def ordercast(folder: Path) -> Iterator[Peer]:
    """As in `Procfile` on PostgreSQL, whose log has the statements of the web process."""
    with ExitStack() as stack:
        (folder / "pg").mkdir()
        postgres, redis = Postgres(folder / "pg"), RedisServer(folder)
        stack.callback(postgres.stop)
        redis.start()
        stack.callback(redis.stop)
        url = postgres.url(postgres.new_database())
        done = flask("db", "upgrade", env=environment(DATABASE_URL=url))
        assert done.returncode == 0, done.stderr
        log_statements(postgres.url("postgres"))
        service = Service(folder, database_url=url, redis_url=redis.url)
        stack.callback(service.stop)
        service.start_worker()
        service.env["PGAPPNAME"] = WEB
        web = service.start_web()
        emitters = Emitters(Inbox(redis.url).send)
        postmaster = int((folder / "pg/postmaster.pid").read_text().split()[0])

        def send(user: str, payload: Notification) -> bool:
            emitters.send_notification(user, payload)
            return True

        def cpu_seconds() -> dict[str, float]:
            assert service.worker is not None
            database = usage.cpu_seconds(usage.family(postmaster))
            ended = usage.ended_seconds(postmaster), usage.ended_seconds(web.pid)
            return {
                "web": usage.cpu_seconds(usage.family(web.pid)) + ended[1],
                "worker": usage.cpu_seconds([service.worker.pid]),
                "database": database + ended[0],
            }

        yield Peer(
            service.url,
            send,
            lambda: kill(service.worker_process()),
            cpu_seconds,
            lambda: statements(folder / "pg/log"),
        )


def log_statements(url: str) -> None:
    """Let PostgreSQL log every statement, with the name of the program that asks."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%a|'")
        connection.execute("SELECT pg_reload_conf()")


def statements(log: Path) -> list[str]:
    """Those of the web process so far that read or write the service's tables."""
    return [
        text
        for line in log.read_text().replace("\n\t", " ").splitlines()
        if line.startswith(f"{WEB}|LOG:  ")
        and TABLES in (text := line.removeprefix(f"{WEB}|LOG:  ").partition(": ")[2])
    ]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


ROWS: tuple[tuple[str, Callable[[Report], object], str], ...] = (
    ("delivered", lambda one: f"{one['deliveredPercent']:.4g} %", "100 %"),
    ("recovered", lambda one: f"{one['recoveredPercent']:.4g} %", "100 %"),
    ("twice, in the wrong order", lambda one: f"{one['doubled']}, {one['disordered']}", "0"),
    ("never back", lambda one: one["neverBack"], "0"),
    ("half are back after", lambda one: shown(one["backSeconds"]["p50"], "s"), ""),
    ("all are back after", lambda one: shown(one["backSeconds"]["all"], "s"), "≤ Node"),
    ("statements of the web process", lambda one: one["statements"], "≤ 50"),
    ("replay p50", lambda one: shown(one["replayMs"]["p50"], "ms"), ""),
    ("replay p99", lambda one: shown(one["replayMs"]["p99"], "ms"), ""),
    ("CPU until all are back, web", lambda one: cpu(one, "web"), ""),
    ("CPU until all are back, worker", lambda one: cpu(one, "worker"), ""),
    ("CPU until all are back, database", lambda one: cpu(one, "database"), ""),
)


def cpu(report: Report, kind: str) -> str:
    return shown(report["cpuSeconds"].get(kind), "s")


def markdown(reports: dict[str, Report]) -> str:
    """One line for each of ROWS."""
    lines = [f"| | {' | '.join(reports)} | to reach |", f"|---|{'---|' * len(reports)}---|"]
    for title, value, goal in ROWS:
        cells = " | ".join(str(value(report)) for report in reports.values())
        lines.append(f"| {title} | {cells} | {goal} |")
    return "\n".join(lines)


PEERS: dict[str, Callable[[Path], Any]] = {"node": node, "ordercast": ordercast}

if __name__ == "__main__":
    sys.exit(main())

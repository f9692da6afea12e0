"""Replays as large as they may be, to clients that read slowly, while others go on.

    python -m bench.replay [--clients 20] [--json FILE]

100 clients of one user come back over websocket, then 100 over long-polling. Each has missed
RECOVERY_MAX_EVENTS events of RECOVERY_MAX_BYTES together, and reads 2 MB/s. To reach: each client
gets all of it once and in order over one connect; memory stays bounded; nobody else waits for more
than 50 ms. bench/README.md describes the method.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import HTTPConnection
from itertools import repeat
from pathlib import Path
from typing import Any

import psycopg

from app.config import Settings
from app.emitters import Emitters, Inbox
from bench import readers, usage
from bench.load import claims, signed_with_secret, sub
from bench.storm import share
from bench.table import shown
from tests.harness.processes.process import SECRET, environment, flask
from tests.harness.processes.service import Service
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

SETTINGS = Settings.of(JWT_SECRET_KEY=SECRET)
EVENTS, BYTES = SETTINGS.RECOVERY_MAX_EVENTS, SETTINGS.RECOVERY_MAX_BYTES
BYTES_PER_SECOND = 2_000_000.0  # that a client reads
PROCESSES = 2  # of readers
USER, BYSTANDER = 1, 2
PROBE_SECONDS = 0.02
UNPACED = 1e12  # bytes per second
QUIET_SECONDS = 4.0
TRANSPORTS: tuple[readers.Transport, ...] = ("websocket", "polling")

Report = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ordercast-bench-") as name, ExitStack() as stack:
        service = stack.enter_context(running(Path(name)))
        pool = stack.enter_context(ProcessPoolExecutor(PROCESSES))
        pids = {one: connected(pool, one, service.port, arguments.clients) for one in TRANSPORTS}
        append(service)
        with Probes(service) as probes:
            time.sleep(QUIET_SECONDS)
            reports: dict[str, Report] = {"nobody": probes.taken()}
            for transport in TRANSPORTS:
                reports[transport] = replayed(pool, transport, service, pids[transport], probes)
    print(markdown(reports))
    if arguments.json:
        arguments.json.write_text(json.dumps(reports, indent=1) + "\n")
    wrong = ("incomplete", "doubled", "disordered", "connectedAgain", "notRecovered")
    return 1 if any(reports[one][key] for one in TRANSPORTS for key in wrong) else 0


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """As in `Procfile`, on PostgreSQL."""
    with ExitStack() as stack:
        folder.chmod(0o755)  # PostgreSQL runs as another user
        (folder / "pg").mkdir()
        postgres, redis = Postgres(folder / "pg"), RedisServer(folder)
        stack.callback(postgres.stop)
        redis.start()
        stack.callback(redis.stop)
        url = postgres.url(postgres.new_database())
        done = flask("db", "upgrade", env=environment(DATABASE_URL=url))
        assert done.returncode == 0, done.stderr
        options = {"MAX_CONNECTIONS_PER_USER": "0", "PING_INTERVAL": "300"}
        service = Service(folder, database_url=url, redis_url=redis.url, **options)
        stack.callback(service.stop)
        yield service.start()


def token(user: int) -> str:
    return signed_with_secret(claims(user, "customer", user))


def read(
    transport: readers.Transport, port: int, auth: dict[str, str], count: int
) -> readers.Reader:
    return readers.read(transport, port, auth, count=count, bytes_per_second=BYTES_PER_SECOND)


def read_part(
    transport: readers.Transport, port: int, auths: Sequence[dict[str, str]], count: int
) -> list[readers.Reader]:
    """In a process of its own: each client in a thread."""
    with ThreadPoolExecutor(len(auths)) as threads:
        return list(threads.map(partial(read, transport, port), auths, repeat(count)))


def read_all(
    pool: ProcessPoolExecutor,
    transport: readers.Transport,
    port: int,
    auths: Sequence[dict[str, str]],
    count: int,
) -> list[readers.Reader]:
    parts = [auths[part::PROCESSES] for part in range(PROCESSES)]
    started = [pool.submit(read_part, transport, port, part, count) for part in parts]
    return [reader for one in started for reader in one.result()]


def connected(
    pool: ProcessPoolExecutor, transport: readers.Transport, port: int, count: int
) -> list[str]:
    """Clients connect, and leave -> their pids."""
    auths = [{"token": token(USER)}] * count
    return [reader.pid for reader in read_all(pool, transport, port, auths, 0)]


def append(service: Service) -> None:
    """EVENTS events of BYTES together, which all clients miss."""
    empty = notification(EVENTS, "")
    message = "x" * (BYTES // EVENTS - len(empty))
    with psycopg.connect(service.env["DATABASE_URL"], autocommit=True) as connection:
        connection.cursor().executemany(
            "INSERT INTO ordercast_events (room, name, data) VALUES (%s, 'notification', %s)",
            [(f"user:{sub(USER)}", notification(number, message)) for number in range(EVENTS)],
        )
        head = "SELECT position >= %s FROM ordercast_head"
        wait_until(
            lambda: connection.execute(head, [EVENTS]).fetchone() == (True,), "all have positions"
        )


def notification(number: int, message: str) -> str:
    payload = {"title": str(number), "message": message, "type": "info"}
    return json.dumps(payload, separators=(",", ":"))


def replayed(
    pool: ProcessPoolExecutor,
    transport: readers.Transport,
    service: Service,
    pids: Sequence[str],
    probes: "Probes",
) -> Report:
    auths = [{"token": token(USER), "pid": pid} for pid in pids]
    web = [service.worker_process()]
    cpu, memory = usage.cpu_seconds(web), usage.memory_kb(web)["Pss_Anon"]
    probes.taken()
    started = time.monotonic()
    found = read_all(pool, transport, service.port, auths, EVENTS)
    seconds = time.monotonic() - started
    whole = list(range(EVENTS))
    after = probes.taken()
    return {
        "clients": len(found),
        "seconds": seconds,
        "incomplete": sum({*whole} != {*one.numbers} for one in found),
        "doubled": sum(len(one.numbers) - len({*one.numbers}) for one in found),
        "disordered": sum(
            one.numbers != sorted(one.numbers) or one.offsets != sorted(one.offsets)
            for one in found
        ),
        "connectedAgain": sum(one.connects - 1 for one in found),
        "notRecovered": len({*pids} - {one.pid for one in found}),
        "cpuSeconds": usage.cpu_seconds(web) - cpu,
        **after,
        "memoryKb": after["memoryKb"] - memory,
    }


class Probes:
    """What others meet meanwhile: a request of /healthz every PROBE_SECONDS, and as often a durable
    event for a client of another user."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ends = threading.Event()
        self._requests: list[float] = []  # ms
        self._events: list[float] = []  # ms
        self._memory_kb = [0]
        steps = (self._request, self._emit, self._sample)
        self._threads = [threading.Thread(target=self._repeat, args=(step,)) for step in steps]
        self._listening = threading.Thread(target=self._listen)
        self._emitters = Emitters(Inbox(service.env["REDIS_URL"]).send)
        self._connection = HTTPConnection("127.0.0.1", service.port, timeout=60)

    def __enter__(self) -> "Probes":
        self._listening.start()
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self._events, "the bystander hears")
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()
        self._emit()  # for the bystander, who waits for an event
        self._listening.join()

    def taken(self) -> Report:
        """The figures since the last call."""
        requests, self._requests = sorted(self._requests), []
        events, self._events = sorted(self._events), []
        memory_kb, self._memory_kb = max(self._memory_kb), [0]
        return {
            "requestMs": {name: share(requests, part) for name, part in SHARES.items()},
            "eventMs": {name: share(events, part) for name, part in SHARES.items()},
            "memoryKb": memory_kb,
        }

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self._ends.wait(PROBE_SECONDS):
            step()

    def _request(self) -> None:
        began = time.monotonic()
        self._connection.request("GET", "/healthz")
        self._connection.getresponse().read()
        self._requests.append((time.monotonic() - began) * 1000)

    def _emit(self) -> None:
        payload = {"title": str(time.monotonic_ns()), "message": "", "type": "info"}
        self._emitters.send_notification(sub(BYSTANDER), payload)

    def _sample(self) -> None:
        web = self._service.worker_process()
        self._memory_kb.append(usage.memory_kb([web])["Pss_Anon"])
        self._ends.wait(10 * PROBE_SECONDS)

    def _listen(self) -> None:
        auth = {"token": token(BYSTANDER)}
        bystander = readers.Reader()
        packets = readers.over_websocket(self._service.port, auth, UNPACED)
        while not self._ends.is_set():
            bystander.hear(next(packets))
            if bystander.numbers:
                self._events.append((time.monotonic_ns() - bystander.numbers.pop()) / 1e6)


SHARES = {"p50": 0.5, "p99": 0.99, "most": 1.0}
ROWS: tuple[tuple[str, Callable[[Report], object], str], ...] = (
    ("clients that did not get all", lambda one: one.get("incomplete", ""), "0"),
    ("events twice", lambda one: one.get("doubled", ""), "0"),
    ("clients with events in the wrong order", lambda one: one.get("disordered", ""), "0"),
    ("clients that connected a second time", lambda one: one.get("connectedAgain", ""), "0"),
    ("clients that were not recovered", lambda one: one.get("notRecovered", ""), "0"),
    ("until the last has all", lambda one: shown(one.get("seconds"), "s"), ""),
    ("CPU of the web process", lambda one: shown(one.get("cpuSeconds"), "s"), ""),
    (
        "memory, above what it was before",
        lambda one: shown(one["memoryKb"] / 1024, "MB") if "clients" in one else "",
        "",
    ),
    ("another's request, p50", lambda one: shown(one["requestMs"]["p50"], "ms"), ""),
    ("another's request, p99", lambda one: shown(one["requestMs"]["p99"], "ms"), ""),
    ("another's request, longest", lambda one: shown(one["requestMs"]["most"], "ms"), "≤ 50 ms"),
    ("another's event, p50", lambda one: shown(one["eventMs"]["p50"], "ms"), ""),
    ("another's event, p99", lambda one: shown(one["eventMs"]["p99"], "ms"), ""),
    ("another's event, longest", lambda one: shown(one["eventMs"]["most"], "ms"), "≤ 50 ms"),
)
TITLES = {"nobody": "no replay", "websocket": "websocket", "polling": "long-polling"}


def markdown(reports: dict[str, Report]) -> str:
    """One line for each of ROWS."""
    titles = [TITLES[name] for name in reports]
    lines = [f"| | {' | '.join(titles)} | to reach |", f"|---|{'---|' * len(titles)}---|"]
    for title, value, goal in ROWS:
        cells = " | ".join(str(value(report)) for report in reports.values())
        lines.append(f"| {title} | {cells} | {goal} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

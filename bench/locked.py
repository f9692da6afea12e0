"""What others wait for while another program has SQLite's write lock.

    python -m bench.locked [--seconds 10]

Two web processes and a worker of the marketplace, whose engine is hardened, and of a team's app
(examples/legacy), whose engine is as Flask-SQLAlchemy makes it. Some callers change data; meanwhile
others read, and ask whether the service is ready.
"""

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.harness.clients import loopback
from tests.harness.people.person import register
from tests.harness.processes.process import BIN, ROOT, SECRET, Process, environment, flask
from tests.harness.processes.service import Service
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

CALLERS = {"read": 4, "readyz": 1, "change": 8}
PAUSE_SECONDS = 0.02  # of a caller between two calls
PATIENCE_SECONDS = 120.0  # of a caller
LEGACY = ROOT / "examples/legacy/after"
ROW = "{:<12} {:<5} {:<7} {:>6} {:>8} {:>8} {:>8}  {}"
Call = Callable[[httpx.Client], httpx.Response]


@dataclass(frozen=True)
class App:
    """A running app, and its calls by name."""

    url: str
    calls: Mapping[str, Call]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="of each row")
    seconds = parser.parse_args().seconds
    print(ROW.format("app", "lock", "call", "calls", "p50 ms", "p99 ms", "max ms", "answers"))
    for name, running in {"marketplace": marketplace, "team": team}.items():
        with tempfile.TemporaryDirectory() as text, ExitStack() as stack:
            folder = Path(text)
            redis = RedisServer(folder)
            redis.start()
            stack.callback(redis.stop)
            app = stack.enter_context(running(folder, redis.url))
            report(name, "free", app, seconds)
            with write_lock(folder / "bench.db"):
                report(name, "held", app, seconds)
    return 0


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def report(name: str, lock: str, app: App, seconds: float) -> None:
    end = time.monotonic() + seconds
    took: dict[str, list[float]] = {call: [] for call in CALLERS}
    statuses: dict[str, Counter[int]] = {call: Counter() for call in CALLERS}

    def repeat(call: str) -> None:
        with loopback.Client(base_url=app.url, timeout=PATIENCE_SECONDS) as http:
            while (begun := time.monotonic()) < end:
                statuses[call][app.calls[call](http).status_code] += 1
                took[call].append(1000 * (time.monotonic() - begun))
                time.sleep(PAUSE_SECONDS)

    with ThreadPoolExecutor(sum(CALLERS.values())) as callers:
        done = [
            callers.submit(repeat, call) for call, count in CALLERS.items() for _ in range(count)
        ]
    for each in done:
        each.result()
    for call, times in took.items():
        times.sort()
        at = [times[int(len(times) * share)] for share in (0.5, 0.99)]
        shown = [f"{ms:.1f}" for ms in (*at, times[-1])]
        print(ROW.format(name, lock, call, len(times), *shown, dict(statuses[call])), flush=True)


@contextmanager
def marketplace(folder: Path, redis_url: str) -> Iterator[App]:
    service = Service(
        folder,
        database_url=f"sqlite:///{folder}/bench.db",
        redis_url=redis_url,
        WEB_CONCURRENCY="2",
    )
    assert flask("db", "upgrade", env=service.env).returncode == 0
    service.start()
    try:
        alice, bob = register(service.url, "customer"), register(service.url, "seller")
        tea = bob.offers(stock=1_000_000, lowStockThreshold=0)
        for person in (alice, bob):
            person.http.close()
        headers = {"Authorization": f"Bearer {alice.token}"}
        order = {"items": [{"productId": tea["id"], "quantity": 1}]}
        calls: dict[str, Call] = {
            "read": lambda http: http.get("/api/products?limit=5", headers=headers),
            "readyz": lambda http: http.get("/readyz"),
            "change": lambda http: http.post("/api/orders", headers=headers, json=order),
        }
        yield App(service.url, calls)
    finally:
        service.stop()


@contextmanager
def team(folder: Path, redis_url: str) -> Iterator[App]:
    port, metrics_port = free_port(), free_port()
    env = environment(
        DATABASE_URL=f"sqlite:///{folder}/bench.db",
        REDIS_URL=redis_url,
        PYTHONPATH=str(ROOT),
        FLASK_APP="app:create_app",
        SECRET_KEY=SECRET,
        ORDERCAST_METRICS_PORT=str(metrics_port),
    )
    command = [str(BIN / "flask"), "ordercast"]
    subprocess.run([*command, "upgrade"], cwd=LEGACY, env=env, check=True)
    gunicorn = [str(BIN / "gunicorn"), "-c", "python:ordercast.gunicorn", "-w", "2"]
    bind = ["-b", f"127.0.0.1:{port}", "app:create_app()"]
    with ExitStack() as stack:
        for name, line in {"web": [*gunicorn, *bind], "worker": [*command, "worker"]}.items():
            process = Process(line, env=env, log=folder / f"{name}.log", folder=LEGACY)
            stack.callback(process.stop)
        url, ready = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/readyz"

        def answers() -> bool:
            try:
                return bool(loopback.get(ready).json()["status"] == "ok")
            except httpx.TransportError:
                return False

        wait_until(answers, "the app is ready", seconds=60)
        person = {"email": "alice@example.com", "password": "a password"}
        with loopback.Client(base_url=url) as alice:
            assert alice.post("/register", json={**person, "role": "customer"}).is_success
            assert alice.post("/login", json=person).is_success
            headers = {"Cookie": f"session={alice.cookies['session']}"}
        order = {"restaurant": 5, "dish": "soup"}
        calls: dict[str, Call] = {
            "read": lambda http: http.get("/orders", headers=headers),
            "readyz": lambda http: http.get(ready),
            "change": lambda http: http.post("/orders", headers=headers, json=order),
        }
        yield App(url, calls)


if __name__ == "__main__":
    sys.exit(main())

"""The servers that are compared: each on a free loopback port, with a Redis of its own."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench import usage
from bench.emitter import Queue
from tests.harness.processes.process import BIN, FLASK, ROOT, environment
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

PING_SECONDS = "300"  # longer than any row, so that a round of pings rarely falls into it
GUNICORN = str(BIN / "gunicorn")


class Program:
    """A program with its output in a file; stopping it signals its own pids only."""

    def __init__(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command), cwd=cwd, env=env, stdout=output, stderr=output
            )

    def pids(self) -> list[int]:
        return usage.family(self._process.pid)

    def answers(self, url: str) -> bool:
        assert self._process.poll() is None, f"{self.log.name}:\n{self.log.read_text()}"
        try:
            return httpx.get(url, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.pids()):
                os.kill(pid, 9)
            self._process.wait()


@dataclass(frozen=True)
class Server:
    """A running server: its address, and the resources that it uses."""

    name: str
    port: int
    queue: Queue  # the message format that it reads from Redis
    redis_url: str
    programs: tuple[Program, ...]

    def cpu_seconds(self) -> float:
        return usage.cpu_seconds(self.pids())

    def memory_kb(self) -> dict[str, int]:
        return usage.memory_kb(self.pids())

    def metric(self, name: str) -> float:
        """A value of ordercast's own /metrics."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=10).text
        return next(
            float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} ")
        )

    def pids(self) -> list[int]:
        return [pid for program in self.programs for pid in program.pids()]


Start = Callable[[ExitStack, Path, Path, int, dict[str, str]], tuple[Program, ...]]


def _ordercast(
    stack: ExitStack, root: Path, folder: Path, port: int, env: dict[str, str]
) -> tuple[Program, ...]:
    """Ordercast with its background worker: without it, web processes poll the database."""
    env = {
        "DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
        "MAX_CONNECTIONS_PER_USER": "0",
        **env,
    }
    upgrade = [*FLASK, "db", "upgrade"]
    subprocess.run(upgrade, cwd=root, env=env, check=True, capture_output=True, timeout=60)
    command = [GUNICORN, "-c", "gunicorn.conf.py", "wsgi:app", "--bind", f"127.0.0.1:{port}"]
    web = Program(command, cwd=root, env=env, log=folder / "ordercast.log")
    stack.callback(web.stop)
    wait_until(lambda: web.answers(f"http://127.0.0.1:{port}/readyz"), "ordercast is ready")
    worker = Program([*FLASK, "worker"], cwd=root, env=env, log=folder / "worker.log")
    stack.callback(worker.stop)
    wait_until(lambda: "worker started" in worker.log.read_text(), "the worker runs")
    return web, worker


def _node(script: str) -> Start:
    """Node with a script of bench/node, in one process."""

    def start(
        stack: ExitStack, _root: Path, folder: Path, port: int, env: dict[str, str]
    ) -> tuple[Program, ...]:
        log = folder / "node.log"
        node = Program(["node", script], cwd=ROOT / "bench/node", env=env, log=log)
        stack.callback(node.stop)
        wait_until(lambda: node.answers(f"http://127.0.0.1:{port}/"), "the Node server answers")
        return (node,)

    return start


def _stock(application: str) -> Start:
    """A Flask-SocketIO application on gevent-websocket's worker, in one process."""

    def start(
        stack: ExitStack, _root: Path, folder: Path, port: int, env: dict[str, str]
    ) -> tuple[Program, ...]:
        worker = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"
        command = [GUNICORN, "-k", worker, "-w", "1", "--bind", f"127.0.0.1:{port}"]
        # Run in bench/: in the root, gunicorn would read ordercast's gunicorn.conf.py.
        command += ["--worker-connections", "20100", "--graceful-timeout", "1"]
        command += ["--no-control-socket", "--pythonpath", str(ROOT), application]
        stock = Program(command, cwd=ROOT / "bench", env=env, log=folder / "stock.log")
        stack.callback(stock.stop)
        wait_until(
            lambda: stock.answers(f"http://127.0.0.1:{port}/"), "stock Flask-SocketIO answers"
        )
        return (stock,)

    return start


Contenders = Mapping[str, tuple[Queue, Start]]
CONTENDERS: Contenders = {
    "stock": ("flask", _stock("bench.stock:app")),
    "node": ("node", _node("compare.mjs")),
    "ordercast": ("flask", _ordercast),
}
# The same with the shop's tables and calls; they read DATABASE_URL and DATABASE_POOL.
SHOPS: Contenders = {
    "stock": ("flask", _stock("bench.stock_orders:app")),
    "node": ("node", _node("shop.mjs")),
    "ordercast": ("flask", _ordercast),
}


@contextmanager
def running(
    name: str,
    folder: Path,
    *,
    root: Path = ROOT,
    variables: Mapping[str, str] | None = None,
    among: Contenders = CONTENDERS,
) -> Iterator[Server]:
    """Start one of `among` with these variables; ordercast from the checkout `root`."""
    queue, start = among[name]
    with ExitStack() as stack:
        redis = RedisServer(folder)
        stack.callback(redis.stop)
        redis.start()
        port = free_port()
        usual = {"PORT": str(port), "REDIS_URL": redis.url, "PING_INTERVAL": PING_SECONDS}
        env = environment(**usual, **(variables or {}))
        programs = start(stack, root, folder, port, env)
        yield Server(name, port, queue, redis.url, programs)

"""The service as an operator runs it: its web process and its worker, as real processes."""

import os
import signal
import subprocess
from pathlib import Path

import httpx

from tests.harness.clients import loopback
from tests.harness.processes.process import BIN, FLASK, Process, environment, flask
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

START_SECONDS = 60.0  # two of CPU, which a busy machine gives late


class Service:
    """The web process and the worker on one database and one Redis."""

    def __init__(
        self, folder: Path, *, database_url: str, redis_url: str, **variables: str
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(
            DATABASE_URL=database_url, REDIS_URL=redis_url, PORT=str(self.port), **variables
        )
        self._folder = folder
        self.web: Process | None = None
        self.worker: Process | None = None

    def start(self) -> "Service":
        """Both at the same moment, each on a core of its own."""
        web, worker = self._launch_web(), self._launch_worker()
        self._wait_for_web(web)
        self._wait_for_worker(worker)
        return self

    def start_web(self, *options: str) -> Process:
        web = self._launch_web(*options)
        self._wait_for_web(web)
        return web

    def start_worker(self) -> Process:
        worker = self._launch_worker()
        self._wait_for_worker(worker)
        return worker

    def _launch_web(self, *options: str) -> Process:
        command = [str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app", *options]
        command += ["--bind", f"127.0.0.1:{self.port}"]
        self.web = Process(command, env=self.env, log=self._folder / "web.log")
        return self.web

    def _wait_for_web(self, web: Process) -> None:
        wait_until(lambda: self._is_ready(web), "the web process is ready", seconds=START_SECONDS)

    def _launch_worker(self) -> Process:
        self.worker = Process([*FLASK, "worker"], env=self.env, log=self._folder / "worker.log")
        return self.worker

    def _wait_for_worker(self, worker: Process) -> None:
        def runs() -> bool:
            assert worker.is_running(), f"the worker ended:\n{worker.output()}"
            return bool(worker.logged("worker started", pid=worker.pid))

        wait_until(runs, "the worker runs", seconds=START_SECONDS)

    def _is_ready(self, web: Process) -> bool:
        assert web.is_running(), f"the web process ended:\n{web.output()}"
        try:
            return loopback.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def worker_process(self) -> int:
        """The pid of gunicorn's one worker: what serves, and what a fault hits."""
        assert self.web is not None
        children = Path(f"/proc/{self.web.pid}/task/{self.web.pid}/children").read_text().split()
        assert len(children) == 1
        return int(children[0])

    def metric(self, name: str) -> float:
        """A number of `GET /metrics`; the sum of all that differ only in their labels, unless
        `name` has some."""
        lines = loopback.get(f"{self.url}/metrics").text.splitlines()
        series = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        assert series, f"no {name}"
        return sum(float(line.rpartition(" ")[2]) for line in series)

    def wait_for_connections(self, count: int) -> None:
        """Until so many are connected: that one went away is noticed a moment later."""
        wait_until(
            lambda: self.metric("ordercast_connections") == count,
            f"{count} connections at {self.url}",
        )

    def flask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return flask(*arguments, env=self.env)

    def stop(self) -> None:
        for process in (self.web, self.worker):
            if process is not None and process.is_running():
                os.kill(process.pid, signal.SIGCONT)
                process.stop()

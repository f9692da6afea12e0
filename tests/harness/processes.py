"""Real processes of the service: started as an operator would, stopped by their own pid."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.harness.servers import free_port
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SECRET = "a-secret-for-the-tests-that-is-long-enough"
FLASK = (str(BIN / "flask"), "--app", "wsgi")


def environment(**variables: str) -> dict[str, str]:
    """The environment of a process of the service: nothing of this machine's settings. The people
    of all tests register from one address."""
    kept = ("HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "PYTHONWARNINGS")
    clean = {name: os.environ[name] for name in kept if name in os.environ}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {
        **clean,
        "PATH": path,
        "FLASK_SKIP_DOTENV": "1",
        "JWT_SECRET_KEY": SECRET,
        "REGISTRATIONS_PER_ADDRESS_PER_MINUTE": "0",
        **variables,
    }


def flask(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one `flask --app wsgi` command to its end."""
    return subprocess.run(
        [*FLASK, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )


class Process:
    """A process with its output in a file; `stop` asks, `kill` does not."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command), cwd=ROOT, env=env, stdout=output, stderr=output
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def output(self) -> str:
        return self.log.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """What it logged as JSON; a line that is still being written is left out."""
        written, _, _ = self.output().rpartition("\n")
        return [json.loads(line) for line in written.splitlines() if line.startswith("{")]

    def logged(self, message: str, **keys: object) -> list[dict[str, Any]]:
        """The log lines with this message and these keys."""
        wanted = {"message": message, **keys}
        return [line for line in self.lines() if wanted.items() <= line.items()]

    def stop(self) -> int:
        """SIGTERM -> the exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(timeout=20)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Until it has ended by itself -> the exit code."""
        return self._process.wait(timeout=DEADLINE_SECONDS)

    def is_running(self) -> bool:
        return self._process.poll() is None


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
        self.start_web()
        self.start_worker()
        return self

    def start_web(self, *options: str) -> Process:
        command = [str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app", *options]
        command += ["--bind", f"127.0.0.1:{self.port}"]
        web = self.web = Process(command, env=self.env, log=self._folder / "web.log")
        wait_until(lambda: self._is_ready(web), "the web process is ready")
        return web

    def start_worker(self) -> Process:
        worker = Process([*FLASK, "worker"], env=self.env, log=self._folder / "worker.log")
        self.worker = worker
        wait_until(lambda: worker.logged("worker started", pid=worker.pid), "the worker runs")
        return worker

    def _is_ready(self, web: Process) -> bool:
        assert web.is_running(), f"the web process ended:\n{web.output()}"
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def worker_process(self) -> int:
        """The pid of gunicorn's one worker: what serves, and what a fault hits."""
        assert self.web is not None
        children = Path(f"/proc/{self.web.pid}/task/{self.web.pid}/children").read_text().split()
        assert len(children) == 1
        return int(children[0])

    def metric(self, name: str) -> float:
        """A number of `GET /metrics`."""
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))

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

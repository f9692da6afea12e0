"""The peers of the recovery benchmark: this service as processes, and Node's Socket.IO."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx

from app import create_app
from app.accounts import tokens
from app.accounts.models import Role
from app.config import Settings
from tests.harness.processes.process import ROOT, SECRET, Process, environment, flask
from tests.harness.processes.service import Service
from tests.harness.servers.ports import free_port
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NODE = ROOT / "bench/node"
TICKS = os.sysconf("SC_CLK_TCK")
USER = "1"  # the user of all listening connections


class Peer(Protocol):
    """A measured server: its address, how to emit, how to kill its process."""

    name: str
    url: str

    def emit(self) -> dict[str, Any]: ...
    def restart(self) -> None: ...
    def cpu_seconds(self) -> float: ...


class Ordercast:
    name = "ordercast"

    def __init__(self, service: Service, admin: str) -> None:
        self._service = service
        self._admin = admin
        self.url = service.url

    def emit(self) -> dict[str, Any]:
        return {"path": "/api/notifications", "token": self._admin}

    def restart(self) -> None:
        """kill -9 of the serving process; gunicorn starts another."""
        os.kill(self._service.worker_process(), signal.SIGKILL)

    def cpu_seconds(self) -> float:
        assert self._service.worker is not None
        pids = (self._service.worker_process(), self._service.worker.pid)
        return sum(cpu_seconds(pid) for pid in pids)


class Node:
    name = "node"

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._env = {**environment(), "PORT": str(port)}
        self._log = folder / "node.log"
        self._start()

    def _start(self) -> None:
        command = ["node", str(NODE / "server.mjs")]
        self._process = Process(command, env=self._env, log=self._log)
        wait_until(self._answers, "the Node server answers")

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=2).is_success
        except httpx.TransportError:
            return False

    def emit(self) -> dict[str, Any]:
        return {"path": "/emit", "token": "", "wrap": True}

    def restart(self) -> None:
        """kill -9, and start a new process at once."""
        self._process.kill()
        self._start()

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.stop()


@contextmanager
def running() -> Iterator[tuple[Ordercast, Node]]:
    """Both peers, ready; this service on PostgreSQL with its worker and Redis."""
    with tempfile.TemporaryDirectory(prefix="ordercast-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        (folder / "pg").mkdir()
        postgres, redis = Postgres(folder / "pg"), RedisServer(folder)
        redis.start()
        url = postgres.url(postgres.new_database())
        done = flask("db", "upgrade", env=environment(DATABASE_URL=url))
        assert done.returncode == 0, done.stderr
        service = Service(
            folder, database_url=url, redis_url=redis.url, MAX_CONNECTIONS_PER_USER="0"
        )
        node = Node(folder)
        try:
            service.start()
            yield Ordercast(service, token("admin", Role.ADMIN)), node
        finally:
            node.stop()
            service.stop()
            redis.stop()
            postgres.stop()


def token(subject: str, role: Role) -> str:
    """An access token that outlasts a benchmark."""
    settings = Settings.of(JWT_SECRET_KEY=SECRET, LOG_LEVEL="WARNING")
    with create_app(settings).app_context():
        return tokens.issue("access", subject, role, seconds=3600)


def load(peer: Peer, script: str, plan: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    """Run a load script against a peer -> its report, with the server's CPU."""
    full = {"url": peer.url, "emit": peer.emit(), **plan}
    before = peer.cpu_seconds()
    process = subprocess.Popen(
        ["node", str(NODE / script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        print(json.dumps(full), file=process.stdin, flush=True)
        report: dict[str, Any] = {}
        for line in process.stdout:
            report = json.loads(line)
            if report.get("ready"):
                peer.restart()
                before = 0.0
                print("restarted", file=process.stdin, flush=True)
        if process.wait(timeout=seconds) or "clients" not in report:
            raise RuntimeError(f"the load on {peer.name} gave no report")
    finally:
        process.kill()
        process.wait()
    return {**report, "serverCpuSeconds": round(peer.cpu_seconds() - before, 1)}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, seconds (proc(5), stat fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS

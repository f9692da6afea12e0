"""gunicorn's worker processes, seen from outside, and a server without the service on top."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.harness.processes.process import BIN, Process, environment
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

# What gunicorn says of a worker that did not go by itself.
FORCED = re.compile("graceful timeout|WORKER TIMEOUT|SIGKILL|Traceback")


def workers(master: int) -> list[int]:
    """The pids of the workers of this master."""
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def megabytes(pid: int) -> float:
    """What it takes of the memory (RSS)."""
    return float(psutil.Process(pid).memory_info().rss / 2**20)


def descriptors(pid: int) -> int:
    """Its open files and connections."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def connected(pid: int) -> int:
    """The TCP connections of clients that it has, those included whose end it has not noticed."""
    every = psutil.Process(pid).net_connections(kind="tcp")
    return sum(one.status != psutil.CONN_LISTEN for one in every)


def owners(pids: list[int]) -> dict[str, int]:
    """The workers by the names in which their sessions' ids end."""
    return {
        Path(connection.laddr).name: pid
        for pid in pids
        for connection in psutil.Process(pid).net_connections(kind="unix")
        if "handover" in connection.laddr
    }


def owner(sid: str, pids: list[int]) -> int:
    """Which of the workers has this session."""
    return owners(pids)[sid[-8:]]


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A worker that neither accepts nor answers: what comes meanwhile is the others'."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class EchoServer:
    """tests/conformance/server.py under gunicorn: it needs no database and no Redis."""

    def __init__(self, folder: Path, *, count: int = 1, **variables: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._count = count
        env = environment(PORT=str(self.port), WEB_CONCURRENCY=str(count), **variables)
        command = [str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", "--bind"]
        command += [f"127.0.0.1:{self.port}", "tests.conformance.server:app"]
        self.process = Process(command, env=env, log=folder / "echo.log")
        wait_until(lambda: len(self.owners()) == count, "all workers serve")

    def workers(self) -> list[int]:
        return workers(self.process.pid)

    def owners(self) -> dict[str, int]:
        return owners(self.workers())

    def owner(self, sid: str) -> int:
        return owner(sid, self.workers())

    def reload(self) -> None:
        """HUP, until the new workers serve alone."""
        before = set(self.workers())
        os.kill(self.process.pid, signal.SIGHUP)
        wait_until(
            lambda: before.isdisjoint(self.workers()) and len(self.owners()) == self._count,
            "the new workers serve alone",
        )

    def stop(self) -> int:
        return self.process.stop()

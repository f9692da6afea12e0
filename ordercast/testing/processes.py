"""A process of its own, with its output in a file; ended by its own pid."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 15.0  # between SIGTERM and SIGKILL
TAIL_CHARACTERS = 4_000  # of a log, in an error


class Child:
    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        folder: Path,
        log: Path,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=descriptors,
                start_new_session=True,  # a group, which ends with it; and Ctrl+C is for the tests
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def has_printed(self, text: str) -> Callable[[], bool]:
        return lambda: text in self.log.read_text(errors="replace")

    def tail(self) -> str:
        """The end of what it has printed, under its name."""
        text = self.log.read_text(errors="replace")[-TAIL_CHARACTERS:].strip()
        return f"--- {self.name} ({self.log})\n{text or '(nothing)'}"

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to all its processes if it does not end by that."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

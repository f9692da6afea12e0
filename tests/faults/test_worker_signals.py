"""The worker gets its signal while it writes a line of its log."""

import fcntl
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.processes.process import FLASK, ROOT, environment
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

PIPE_BYTES = 4096  # the smallest that Linux makes


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """(read, write): a pipe without capacity for a line."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.write(writer, b"\n" * PIPE_BYTES)
    yield reader, writer
    os.close(reader)


def status(pid: int, field: str) -> int:
    """A set of signals in /proc/<pid>/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [text] = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(text, 16)


def has_sigterm(signals: int) -> bool:
    return bool(signals & 1 << (signal.SIGTERM - 1))


def test_a_sigterm_in_the_middle_of_a_log_line_stops_the_worker(
    sqlite_url: str, redis_server: RedisServer, full_pipe: tuple[int, int]
) -> None:
    """The race: the main thread writes "worker started", and the signal's handler runs inside of
    that write, which may not be entered twice."""
    reader, writer = full_pipe
    env = environment(DATABASE_URL=sqlite_url, REDIS_URL=redis_server.url)
    worker = subprocess.Popen([*FLASK, "worker"], cwd=ROOT, env=env, stderr=writer)
    os.close(writer)
    written: list[bytes] = []

    def drain() -> None:
        while piece := os.read(reader, PIPE_BYTES):
            written.append(piece)

    try:
        wait_until(
            lambda: (
                has_sigterm(status(worker.pid, "SigCgt"))
                and Path(f"/proc/{worker.pid}/wchan").read_text().endswith("pipe_write")
            ),
            "the main thread waits for the pipe, with its handler installed",
        )
        worker.terminate()
        wait_until(lambda: not has_sigterm(status(worker.pid, "ShdPnd")), "the signal is delivered")
        draining = threading.Thread(target=drain)
        draining.start()
        assert worker.wait(timeout=DEADLINE_SECONDS) == 0
        draining.join()
    finally:
        worker.kill()
        worker.wait()

    log = b"".join(written).decode()
    assert "Traceback" not in log, log
    assert '"stopping"' in log
    assert '"worker stopped"' in log

"""Processes of the service on this host, killed and frozen: those that have answered a roll call,
by their pids, and never by a name.

A process is signalled through a descriptor of it (pidfd_open(2)), if it began when the answer says,
and runs the same Python: no process that has got the pid meanwhile is hit, and none that somebody
named who can write to Redis.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ordercast import roll
from ordercast.broker import Broker
from ordercast.errors import OrdercastError
from ordercast.roll import Kind, Process

BACK_SECONDS = 30.0  # for a process in the place of one that was killed
PAUSE_SECONDS = 0.2  # between two roll calls
# Another process continues a frozen one when this one ends in any way, by a SIGKILL too: its
# standard input ends then. A SIGCONT to a process that runs does nothing.
GUARD = "import os, signal, sys; sys.stdin.read(); os.kill(int(sys.argv[1]), signal.SIGCONT)"


class NotSignalled(OrdercastError):
    """A process of the service could not be killed or frozen; the text says why."""

    code = "not_signalled"


class Processes:
    """Raises redis.RedisError, and OSError where there is no /proc."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._host = roll.this_host()

    def all(self) -> list[Process]:
        """Those of all hosts that answer."""
        return roll.call(self._broker)

    def here(self, kind: Kind) -> list[Process]:
        """Those that can be signalled from here."""
        return [one for one in self.all() if one.kind is kind and one.host == self._host]

    def wait_back(self, kind: Kind, count: int) -> bool:
        """Whether there are so many again, within BACK_SECONDS."""
        deadline = time.monotonic() + BACK_SECONDS
        while len(self.here(kind)) < count:
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
        return True


def kill(process: Process) -> None:
    """SIGKILL. Raises NotSignalled."""
    with _descriptor(process) as descriptor:
        _send(process, descriptor, signal.SIGKILL)


@contextmanager
def frozen(process: Process) -> Iterator[None]:
    """SIGSTOP for the length of the block, and SIGCONT however it ends. Raises NotSignalled."""
    with _descriptor(process) as descriptor, _guard(process.pid):
        try:
            _send(process, descriptor, signal.SIGSTOP)
            yield
        finally:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGCONT)


@contextmanager
def _descriptor(process: Process) -> Iterator[int]:
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError as exc:
        raise NotSignalled(f"{_words(process)} is not there: {exc.strerror}") from exc
    try:
        if _started(process.pid) != process.started:
            raise NotSignalled(f"{_words(process)} has ended, and another process has its pid")
        if _program(process.pid) != _program(os.getpid()):
            raise NotSignalled(f"{_words(process)} does not run the Python of this command")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _guard(pid: int) -> Iterator[None]:
    guard = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", GUARD, str(pid)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl+C and the end of the terminal are not for it
    )
    try:
        yield
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()


def _started(pid: int) -> int | None:
    try:
        return roll.started(pid)
    except OSError:
        return None


def _program(pid: int) -> str | None:
    """The file that the process runs; None for another user's, which are not told."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def _send(process: Process, descriptor: int, number: signal.Signals) -> None:
    try:
        signal.pidfd_send_signal(descriptor, number)
    except OSError as exc:
        raise NotSignalled(
            f"{_words(process)}: {exc.strerror}; run the command as the service's own user"
        ) from exc


def _words(process: Process) -> str:
    return f"the {process.kind} process {process.pid}"

"""Harm to the service itself: its processes on this host are killed and frozen, in turn."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum

from ordercast.proof.processes import NotSignalled, Processes, frozen, kill
from ordercast.roll import Kind, Process

FREEZE_SECONDS = 3.0  # longer than any process waits for the journal's head
PAUSE_SECONDS = (0.5, 2.0)  # between two faults
TRIES = 3  # of one fault: the process that was chosen may have just ended

Say = Callable[[str], None]


class Fault(StrEnum):
    KILL_WEB = "web process killed"
    KILL_WORKER = "worker killed"
    FREEZE_WEB = "web process frozen"
    FREEZE_WORKER = "worker frozen"


KINDS = {
    Fault.KILL_WEB: Kind.WEB,
    Fault.KILL_WORKER: Kind.WORKER,
    Fault.FREEZE_WEB: Kind.WEB,
    Fault.FREEZE_WORKER: Kind.WORKER,
}
KILLS = frozenset({Fault.KILL_WEB, Fault.KILL_WORKER})


class Harm:
    """In the main thread, so that a signal that ends the command also ends a freeze.
    `worker_restarts`: something starts a worker again, so that the only one may be killed too."""

    def __init__(
        self, processes: Processes, dice: random.Random, *, worker_restarts: bool, say: Say
    ) -> None:
        self.done: Counter[Fault] = Counter()
        self.not_back: list[Kind] = []  # of killed processes: nothing has come in their place
        self._processes = processes
        self._dice = dice
        self._worker_restarts = worker_restarts
        self._say = say
        self._is_spared = False  # the only worker, which has been said

    def run(self, seconds: float) -> None:
        """Each fault once, in random order, then any of them, until the time is up. Raises
        NotSignalled, redis.RedisError."""
        deadline = time.monotonic() + seconds
        freeze = min(FREEZE_SECONDS, seconds / 4)
        waiting = self._dice.sample(list(Fault), len(Fault))
        while waiting or time.monotonic() < deadline:
            fault = waiting.pop() if waiting else self._dice.choice(list(Fault))
            self._attempt(fault, freeze)
            time.sleep(self._dice.uniform(*PAUSE_SECONDS))

    def _attempt(self, fault: Fault, freeze: float) -> None:
        kind = KINDS[fault]
        for attempt in range(TRIES):
            here = self._processes.here(kind)
            if fault is Fault.KILL_WORKER and not self._may_kill(here):
                self._spare()
                return
            if not here:
                return
            process = self._dice.choice(here)
            try:
                self._cause(fault, process, freeze, count=len(here))
            except NotSignalled:
                if attempt == TRIES - 1:
                    raise
                continue
            return

    def _may_kill(self, workers: Sequence[Process]) -> bool:
        """Whether a worker goes on, or begins, after one of these was killed."""
        return self._worker_restarts or len(workers) > 1

    def _spare(self) -> None:
        if not self._is_spared:
            self._is_spared = True
            self._say("no worker is killed: there is no second one here, and no --worker-restarts")

    def _cause(self, fault: Fault, process: Process, freeze: float, *, count: int) -> None:
        if fault not in KILLS:
            with frozen(process):
                self._say(f"{fault}: {process.pid}, for {freeze:.1f} s")
                time.sleep(freeze)
        else:
            kill(process)
            self._say(f"{fault}: {process.pid}")
            if not self._processes.wait_back(process.kind, count):
                self.not_back.append(process.kind)
                self._say(f"no {process.kind} process has come in its place")
        self.done[fault] += 1

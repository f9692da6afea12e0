"""Running steps: one thread a loop, until SIGTERM or SIGINT; the step that runs is finished."""

import logging
import random
import signal
import threading
from collections.abc import Callable
from types import FrameType

from flask import Flask

from app.broker import Broker
from app.config import Settings
from app.journal import BATCH
from app.worker.doorbell import Ear
from app.worker.expiry import expire_once
from app.worker.inbox import drain_once
from app.worker.pruning import prune_once
from app.worker.publishing import Publisher
from app.worker.sequencing import announce_head, sequence_once

logger = logging.getLogger(__name__)

SEQUENCE_SECONDS = 0.5  # the look without a ring, which may not be heard, or never have been sent
ANNOUNCE_SECONDS = 1.0
INBOX_BLOCK_MS = 500  # how long a worker that is asked to stop may still wait for an entry
INBOX_SECONDS = 0.25
INBOX_TIMEOUT_SECONDS = 5.0
EXPIRE_SECONDS = 5.0
PRUNE_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 30.0  # between tries of a step that keeps failing

Step = Callable[[], bool | None]  # True: there may be more to do at once


class Loop(threading.Thread):
    """Repeats a step: at once while it says there is more, else after `seconds` or when woken.
    A step that fails is logged and tried again, later and later."""

    def __init__(
        self,
        app: Flask,
        name: str,
        step: Step,
        seconds: float,
        *,
        stop: threading.Event,
        wake: threading.Event | None = None,
        longest: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        super().__init__(name=name)
        self._app = app
        self._step = step
        self._seconds = seconds
        self._stop_asked = stop
        self._wake = wake or stop
        self._longest = longest

    def run(self) -> None:
        wait = self._seconds
        while not self._stop_asked.is_set():
            try:
                with self._app.app_context():
                    more = self._step()
                wait = self._seconds
            except Exception:
                logger.exception("step failed", extra={"loop": self.name})
                more = False
                wait = min(max(wait, 0.5) * 2 * random.uniform(0.75, 1), self._longest)
            if not more:
                self._wake.wait(wait)
                if self._wake is not self._stop_asked:
                    self._wake.clear()


def run(app: Flask) -> None:
    """The background worker: returns when SIGTERM or SIGINT came and every step is finished."""
    settings: Settings = app.config["SETTINGS"]
    broker = Broker.of(settings)
    stop, rung = threading.Event(), threading.Event()

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        logger.info("stopping", extra={"signal": signal.Signals(number).name})
        stop.set()
        rung.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    publish = Publisher(broker)
    steps: list[tuple[str, Step, float]] = [
        ("announce", lambda: announce_head(publish), ANNOUNCE_SECONDS),
        ("expire", lambda: expire_once(settings.PENDING_MINUTES), EXPIRE_SECONDS),
        ("prune", lambda: prune_once(settings.JOURNAL_KEEP_DAYS), PRUNE_SECONDS),
    ]
    loops = [Loop(app, name, step, seconds, stop=stop) for name, step, seconds in steps]
    loops.append(
        Loop(
            app,
            "sequence",
            lambda: sequence_once(publish) == BATCH,
            SEQUENCE_SECONDS,
            stop=stop,
            wake=rung,
            longest=1.0,  # everything waits for it: it looks again soon
        )
    )
    inbox = broker.connect(timeout=INBOX_TIMEOUT_SECONDS)
    loops.append(
        Loop(
            app,
            "inbox",
            lambda: drain_once(inbox, broker, block_ms=INBOX_BLOCK_MS),
            INBOX_SECONDS,
            stop=stop,
            longest=2.0,
        )
    )
    Ear(broker, rung).start()
    for loop in loops:
        loop.start()
    logger.info("worker started", extra={"loops": [loop.name for loop in loops]})
    for loop in loops:
        loop.join()
    logger.info("worker stopped")

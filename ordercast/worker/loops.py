"""Running steps: one thread a loop, until SIGTERM or SIGINT; the step that runs is finished, unless
it hangs."""

import logging
import signal
import threading
import time
from collections.abc import Sequence
from types import FrameType

from flask import Flask

from app.config import Settings
from app.orders.expiry import expire_once
from app.pruning import prune_once
from ordercast.broker import Broker
from ordercast.inbox.drain import drain_once
from ordercast.journal import BATCH, Marks
from ordercast.worker.doorbell import Ear
from ordercast.worker.limits import limit_transactions
from ordercast.worker.loop import Loop, Step
from ordercast.worker.publishing import Publisher
from ordercast.worker.sequencing import announce_head, sequence_once

logger = logging.getLogger(__name__)

SEQUENCE_SECONDS = 0.5  # the look without a ring, which may not be heard, or never have been sent
ANNOUNCE_SECONDS = 1.0
INBOX_BLOCK_MS = 500  # how long a worker that is asked to stop may still wait for an entry
INBOX_SECONDS = 0.25
INBOX_TIMEOUT_SECONDS = 5.0
EXPIRE_SECONDS = 5.0
PRUNE_SECONDS = 60.0
STALLED_SECONDS = 3.0  # a sequencer that has not come through for so long is no sign of life
SLOW_SECONDS = 10.0  # a step that takes longer is said, and again after twice as long
STOP_SECONDS = 8.0  # how long the steps that run may take to finish


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
    with app.app_context():
        limit_transactions(app.extensions["ordercast"].database)
    marks = Marks(broker)
    publish = Publisher(broker, marks)
    sequencer = Loop(
        app,
        "sequence",
        lambda: sequence_once(publish, marks=marks) == BATCH,
        SEQUENCE_SECONDS,
        stop=stop,
        wake=rung,
        longest=1.0,  # everything waits for it: it looks again soon
    )

    def announce() -> None:
        if time.monotonic() - sequencer.came_through < STALLED_SECONDS:
            announce_head(publish, marks)

    steps: list[tuple[str, Step, float]] = [
        ("announce", announce, ANNOUNCE_SECONDS),
        ("expire", lambda: expire_once(settings.PENDING_MINUTES), EXPIRE_SECONDS),
        ("prune", lambda: prune_once(settings.JOURNAL_KEEP_DAYS), PRUNE_SECONDS),
    ]
    loops = [Loop(app, name, step, seconds, stop=stop) for name, step, seconds in steps]
    loops.append(sequencer)
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
    _watch(loops, stop)
    _finish(loops)


def _watch(loops: Sequence[Loop], stop: threading.Event) -> None:
    """Until the process is asked to stop: say which step takes long."""
    said: dict[str, float] = {}  # the loops whose step is slow: when it was said, in its seconds
    while not stop.is_set():
        loops[0].join(1.0)  # and not stop.wait: the signal's handler sets it in this thread
        for loop in loops:
            since = loop.busy_since
            took = 0.0 if since is None else time.monotonic() - since
            if took < SLOW_SECONDS:
                said.pop(loop.name, None)
            elif took > 2 * said.get(loop.name, 0.0):
                said[loop.name] = took
                logger.warning(
                    "a step takes long", extra={"loop": loop.name, "seconds": round(took)}
                )


def _finish(loops: Sequence[Loop]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    for loop in loops:
        loop.join(max(0.0, deadline - time.monotonic()))
    if stuck := [loop.name for loop in loops if loop.is_alive()]:
        logger.warning("stopped within a step; what it did is rolled back", extra={"loops": stuck})
    logger.info("worker stopped")

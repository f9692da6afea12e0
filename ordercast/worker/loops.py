"""Running the steps: one thread a loop, until SIGTERM or SIGINT. A step under way is finished,
unless it hangs."""

import logging
import signal
import threading
import time
from collections.abc import Iterable, Sequence
from types import FrameType

from flask import Flask

from ordercast.broker import Broker
from ordercast.database import Database
from ordercast.emits import Durable
from ordercast.emits.relay import Relay
from ordercast.events import Events
from ordercast.health import OK, Check, Health
from ordercast.inbox.drain import Drain
from ordercast.inbox.lease import Lease
from ordercast.journal import BATCH_ROWS, Batches, Ear, Journal, Listener, Marks, Publisher
from ordercast.roll import Answering, Kind
from ordercast.settings import Settings
from ordercast.worker.canary import Canaries
from ordercast.worker.draining import DrainLoop
from ordercast.worker.limits import limit_transactions
from ordercast.worker.loop import Loop
from ordercast.worker.pruning import prune_once
from ordercast.worker.relaying import RelayLoop
from ordercast.worker.steps import Step

logger = logging.getLogger(__name__)

SEQUENCE_SECONDS = 0.5  # polling: a ring may not be heard, or never have been sent
ANNOUNCE_SECONDS = 1.0
INBOX_TIMEOUT_SECONDS = 5.0
PRUNE_SECONDS = 60.0
STALLED_SECONDS = 3.0  # without a successful step of the sequencer: then the head is not announced
SLOW_SECONDS = 10.0  # a step that takes longer is logged, and again after twice as long
STOP_SECONDS = 8.0  # for the steps under way to finish


def run(
    app: Flask,
    *,
    settings: Settings,
    broker: Broker,
    database: Database,
    journal: Journal,
    events: Events,
    durable: Durable,
    steps: Iterable[Step],
    health: Health,
) -> None:
    """The background worker, with a team's own `steps`: returns when SIGTERM or SIGINT came and
    every step is finished. In the main thread, which gets the signals. `health` gets a check of the
    steps."""
    stop, rung = threading.Event(), threading.Event()

    received: list[signal.Signals] = []

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        # No logging here: the main thread may be inside the same stream's write, which raises when
        # it is entered again, and the signal would be lost.
        received.append(signal.Signals(number))
        stop.set()
        rung.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    limit_transactions(database)
    marks = Marks(broker)
    batches = Batches(broker, journal.clock) if settings.LEDGER_SECONDS else None
    sequencing = journal.sequencer(Publisher(broker, marks, batches), marks, batches)
    sequencer = Loop(
        app,
        "sequence",
        lambda: sequencing.step() == BATCH_ROWS,
        SEQUENCE_SECONDS,
        journal=journal,
        stop=stop,
        wake=rung,
        longest=1.0,  # everything waits for the sequencer
    )

    def announce() -> None:
        if time.monotonic() - sequencer.came_through < STALLED_SECONDS:
            sequencing.announce()
        journal.clock.refresh()

    def prune() -> bool:
        return prune_once(database, journal, settings.JOURNAL_KEEP_DAYS)

    own = [Step("announce", announce, ANNOUNCE_SECONDS), Step("prune", prune, PRUNE_SECONDS)]
    if (seconds := settings.CANARY_SECONDS) > 0:
        own.append(Step("canary", Canaries(database, journal, seconds).commit, seconds))
    loops = [
        Loop(app, step.name, step.run, step.seconds, journal=journal, stop=stop)
        for step in (*own, *steps)
    ]
    loops.append(sequencer)
    client = broker.connect(timeout=INBOX_TIMEOUT_SECONDS)
    inbox = Drain(
        client, broker, database=database, journal=journal, events=events, journalled=rung.set
    )
    loops.append(DrainLoop(app, inbox, Lease(client, broker), journal=journal, stop=stop))
    if settings.DURABLE:
        heard = threading.Event()
        relay = Relay(broker, database=database, journal=journal, durable=durable, wake=heard)
        loops.append(RelayLoop(app, relay, journal=journal, stop=stop, wake=heard))
    health.add(Check("steps", lambda: _steps(loops)))
    roll = Answering(broker, Kind.WORKER, start=lambda answer, *given: answer(*given))
    Ear(broker, rung, {broker.roll_channel: roll.receive}).start()
    Listener(database, rung, stop=stop).start()
    for loop in loops:
        loop.start()
    logger.info("worker started", extra={"loops": [loop.name for loop in loops]})
    _watch(loops, stop)
    logger.info("stopping", extra={"signal": received[0].name})
    _finish(loops)


def _steps(loops: Sequence[Loop]) -> str:
    late = [loop.name for loop in loops if loop.is_late]
    return f"late: {', '.join(late)}" if late else OK


def _watch(loops: Sequence[Loop], stop: threading.Event) -> None:
    """Log steps that take long, until the process is asked to stop."""
    logged: dict[str, float] = {}  # loops whose step is slow: its age when that was logged
    while not stop.is_set():
        loops[0].join(1.0)  # and not stop.wait: the signal's handler sets it in this thread
        for loop in loops:
            since = loop.busy_since
            took = 0.0 if since is None else time.monotonic() - since
            if took < SLOW_SECONDS:
                logged.pop(loop.name, None)
            elif took > 2 * logged.get(loop.name, 0.0):
                logged[loop.name] = took
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

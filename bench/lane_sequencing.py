"""The sequencer of one lane, in a process of its own, for bench/lanes.py."""

import multiprocessing
import resource
import threading
import time
from multiprocessing.connection import Connection
from typing import NamedTuple

import orjson

from bench.lane import Lane
from ordercast.journal import Ear, Publisher

POLL_SECONDS = 0.5  # as a worker


class Answer(NamedTuple):
    cpu_seconds: float
    events: int
    latencies: list[float]  # seconds from each event's `at` until it was published


class Sequencing:
    """`begin` is followed by `answer`, for so many events, or by `finish`."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_serve, args=(lane, theirs), daemon=True)
        self._process.start()

    def begin(self, *, count: int | None = None) -> None:
        """Sequence so many events, or all that come until `finish`."""
        self._pipe.send(("begin", count))

    def answer(self) -> Answer:
        answer: Answer = self._pipe.recv()
        return answer

    def finish(self) -> Answer:
        self._pipe.send(("finish", None))
        return self.answer()

    def end(self) -> None:
        self._pipe.send(("end", None))
        self._process.join()


def _serve(lane: Lane, pipe: Connection) -> None:
    latencies: list[float] = []
    publisher = Publisher(lane.broker)

    def publish(message: bytes) -> None:
        publisher(message)
        now = time.monotonic()
        for _, _, _, data in orjson.loads(message)["events"]:
            latencies.append(now - orjson.loads(data)["at"])

    sequencer = lane.journal.sequencer(publish)
    rung = threading.Event()
    Ear(lane.broker, rung).start()
    while True:
        word, count = pipe.recv()
        if word == "end":
            return
        latencies.clear()
        before, done = _cpu_seconds(), 0
        while done < count if count is not None else not pipe.poll():
            more = sequencer.step()
            done += more
            if count is None and not more:
                rung.wait(POLL_SECONDS)
                rung.clear()
        if count is None:
            pipe.recv()
        pipe.send(Answer(_cpu_seconds() - before, done, list(latencies)))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

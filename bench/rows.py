"""The rows of the comparison: the figures of one server with a number of clients.

Each connection set has a server process of its own, fresh: `users`, where every client is its own
user, and `room`, where all are one seller and so share a room.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from bench.contenders import Server
from bench.emitter import Emitter
from bench.load import Load, Sign, signed_with_secret

WARMUP_CLIENTS = 100  # connected before the first measurement, and kept
FIRST_WARMUP, FIRST_USER, FIRST_NOBODY, SELLER = 90_000_000, 1, 70_000_000, 1  # user numbers
FANOUT_SECONDS = 10
ONE_USER_RATE, ONE_USER_EVENTS = 2000, 10_000
NOBODY_RATE, NOBODY_EVENTS = 2000, 5000
SETTLE_SECONDS = 5
IDLE_SECONDS = 5
LATE_SECONDS = 30  # an event that has not arrived by then is missing

Figures = dict[str, Any]


class Bench:
    """A server, its clients, and the process that emits to them."""

    def __init__(self, server: Server, load: Load, emitter: Emitter) -> None:
        self.server = server
        self.load = load
        self.emitter = emitter

    def events(
        self,
        who: Literal["all", "one"],
        kind: Literal["user", "seller"],
        to: Sequence[int],
        *,
        rate: float,
        unheard: int = 0,
    ) -> Figures:
        """Emit to all of `to` and wait for every event; the first `unheard` have no recipient.

        -> CPU of the server and the load in seconds, latencies in ms, and counts of errors.
        """
        first = self.emitter.next + unheard
        load_before = self.load.expect(who, first=first, count=len(to) - unheard)
        began, before = time.monotonic(), self.server.cpu_seconds()
        emitted = self.emitter.emit(kind, to, rate=rate)
        report = self.load.report(seconds=LATE_SECONDS)
        cpu, seconds = self.server.cpu_seconds() - before, time.monotonic() - began
        wrong = {name: report[name] for name in ("missing", "doubled", "strays", "disordered")}
        return {
            "cpuSeconds": cpu,
            "seconds": seconds,
            "cpuShare": cpu / seconds,
            "loadShare": (report["cpuSeconds"] - load_before["cpuSeconds"]) / seconds,
            "emitLateMs": emitted["lateMs"],
            "expected": report["expected"],
            **{name: report[name] for name in ("p50", "p95", "p99", "max")},
            "wrong": {name: count for name, count in wrong.items() if count},
        }


@contextmanager
def bench(
    server: Server,
    program: Path,
    folder: Path,
    users: Sequence[tuple[int, str]],
    sign: Sign = signed_with_secret,
) -> Iterator[Bench]:
    load = Load(program, folder, port=server.port, users=users, sign=sign)
    try:
        emitter = Emitter(server.queue, server.redis_url)
        try:
            yield Bench(server, load, emitter)
        finally:
            emitter.stop()
    finally:
        load.stop()


def fanout_rate(clients: int) -> int:
    """Events per second to a room: about 20,000 deliveries per second, at most 20 events."""
    return max(2, min(20, 20_000 // clients))


def room(clients: int) -> list[tuple[int, str]]:
    return [(SELLER, "seller")] * clients


def measure_room(bench: Bench, clients: int) -> Figures:
    bench.load.connect(clients)
    rate = fanout_rate(clients)
    bench.events("all", "seller", [SELLER] * rate, rate=rate)
    figures = bench.events("all", "seller", [SELLER] * rate * FANOUT_SECONDS, rate=rate)
    figures["value"] = figures["cpuSeconds"] / figures["expected"] * 1e6
    return {
        "fanout": figures,
        "latencyP50": {"value": figures["p50"]},
        "latency": {"value": figures["p99"]},
    }


def users(clients: int) -> list[tuple[int, str]]:
    warmup = [(FIRST_WARMUP + i, "customer") for i in range(WARMUP_CLIENTS)]
    return warmup + [(FIRST_USER + i, "customer") for i in range(clients)]


def measure_users(bench: Bench, clients: int, *, only: frozenset[str]) -> Figures:
    chance = random.Random(clients)
    warmup = range(FIRST_WARMUP, FIRST_WARMUP + WARMUP_CLIENTS)
    bench.load.connect(WARMUP_CLIENTS)
    bench.events("one", "user", chance.choices(warmup, k=ONE_USER_RATE), rate=ONE_USER_RATE)
    figures = connects_and_memory(bench, clients)
    idle = idle_share(bench)
    figures["idle"] = {"value": idle * 1000}
    if "oneuser" in only:
        everyone = range(FIRST_USER, FIRST_USER + clients)
        to = chance.choices(everyone, k=ONE_USER_EVENTS)
        one = per_event(bench.events("one", "user", to, rate=ONE_USER_RATE), to)
        figures["oneuser"] = one
        figures["oneuserP50"], figures["oneuserP99"] = {"value": one["p50"]}, {"value": one["p99"]}
    if "nobody" in only:
        # Give the last event a recipient: when it arrives, the server has handled the others.
        to = [FIRST_NOBODY + i for i in range(NOBODY_EVENTS - 1)] + [FIRST_WARMUP]
        nobody = bench.events("one", "user", to, rate=NOBODY_RATE, unheard=len(to) - 1)
        figures["nobody"] = per_event(nobody, to)
        net = nobody["cpuSeconds"] - idle * nobody["seconds"]
        figures["nobodyNet"] = {"value": net / len(to) * 1e6}
        figures["nobodyLast"] = {"value": nobody["p50"]}
    return figures


def idle_share(bench: Bench) -> float:
    """The CPU use of an idle server, as a share of a core."""
    before = bench.server.cpu_seconds()
    time.sleep(IDLE_SECONDS)
    return (bench.server.cpu_seconds() - before) / IDLE_SECONDS


def connects_and_memory(bench: Bench, clients: int) -> Figures:
    time.sleep(SETTLE_SECONDS)
    memory, cpu = bench.server.memory_kb(), bench.server.cpu_seconds()
    connected = bench.load.connect(clients)
    connect = {
        "value": (bench.server.cpu_seconds() - cpu) / clients * 1000,
        "seconds": connected["seconds"],
    }
    each = {"value": connected["seconds"] / clients * 1000}
    time.sleep(SETTLE_SECONDS)
    after = bench.server.memory_kb()
    grown = {name: (after[name] - memory[name]) / clients for name in memory}
    return {
        "connect": connect,
        "connectTime": each,
        "memory": {"value": grown["Pss_Anon"], "grownKb": grown, "totalKb": after},
    }


def per_event(figures: Figures, to: Sequence[int]) -> Figures:
    return {"value": figures["cpuSeconds"] / len(to) * 1e6, **figures}

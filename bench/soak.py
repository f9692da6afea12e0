"""Many connections for a long time: `make soak`.

5,000 clients stay and get events, while others connect and vanish without closing. In the end the
memory is as after the first minute, no descriptor is left over, and the log has no unexpected line.
SOAK_SECONDS (600) is the duration.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import rows
from bench.compare import allow_files
from bench.contenders import Server, running
from bench.load import Load, compile_load
from tests.harness.waiting import wait_until

STAY = 5000  # clients
COME_AND_GO = 200  # clients, all at once, in each turn
FIRST_VISITOR = 50_000_000  # user number
EVENTS, RATE = 2000, 100  # in a turn, per second
MOST_GROWTH = 0.05  # share of the memory after the first turns
WARM_TURNS = 3


def main() -> int:
    seconds = float(os.environ.get("SOAK_SECONDS", "600"))
    allow_files(STAY + COME_AND_GO)
    with tempfile.TemporaryDirectory(prefix="ordercast-soak-") as name:
        folder = Path(name)
        program = compile_load(folder)
        with (
            running("ordercast", folder) as server,
            rows.bench(server, program, folder, rows.users(STAY)) as bench,
        ):
            bench.load.connect(rows.WARMUP_CLIENTS + STAY)
            samples = [turn(bench, program, folder) for _ in until(seconds)]
            complaints = [*wrong(samples), *unexpected(server)]
    print(json.dumps({"samples": samples, "complaints": complaints}, indent=1))
    return 1 if complaints else 0


def until(seconds: float) -> Iterator[None]:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        yield


def turn(bench: rows.Bench, program: Path, folder: Path) -> dict[str, float]:
    """Visitors connect, events are sent, the visitors vanish -> the server's figures afterwards."""
    users = [(FIRST_VISITOR + i, "customer") for i in range(COME_AND_GO)]
    visitors = Load(program, folder, port=bench.server.port, users=users)
    try:
        visitors.connect(COME_AND_GO)
        to = [rows.FIRST_USER + i % STAY for i in range(EVENTS)]
        figures = bench.events("one", "user", to, rate=RATE)
    finally:
        visitors.stop()
    if figures["wrong"]:
        raise SystemExit(f"events went wrong: {figures['wrong']}")
    here = rows.WARMUP_CLIENTS + STAY
    wait_until(lambda: connections(bench.server) == here, f"{here} connections", seconds=60)
    return {
        "memoryKb": bench.server.memory_kb()["Pss_Anon"],
        "descriptors": descriptors(bench.server),
        "p99": figures["p99"],
    }


def connections(server: Server) -> int:
    return int(server.metric("ordercast_connections"))


def descriptors(server: Server) -> int:
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in server.pids())


def wrong(samples: list[dict[str, float]]) -> list[str]:
    if len(samples) <= WARM_TURNS:
        return [f"only {len(samples)} turns"]
    first, last = samples[WARM_TURNS - 1], samples[-1]
    complaints = []
    if last["memoryKb"] > first["memoryKb"] * (1 + MOST_GROWTH):
        complaints.append(f"memory grew from {first['memoryKb']} to {last['memoryKb']} KB")
    if last["descriptors"] > first["descriptors"]:
        complaints.append(f"descriptors: {first['descriptors']}, then {last['descriptors']}")
    return complaints


def unexpected(server: Server) -> list[str]:
    """Lines of the log that are neither JSON of level info nor gunicorn's own."""
    return [
        line
        for program in server.programs
        for line in program.log.read_text().splitlines()
        if '"level":"info"' not in line and "[INFO]" not in line
    ]


if __name__ == "__main__":
    sys.exit(main())

"""What the ledger costs: the same service beside itself with LEDGER_SECONDS=0.

    python -m bench.ledger [--clients 2000] [--turns 3]

Both run at once, with a Redis and a load each, and work in turn: clients connect, are idle, and get
durable events, 300 a second, each for one of them. bench/README.md describes the method.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from statistics import median

from app import create_app
from app.config import Settings
from app.extension import cast
from bench.compare import allow_files
from bench.contenders import Server, running
from bench.load import Load, claims, compile_load, signed_with_secret, sub
from ordercast.broker import Broker
from ordercast.ledger import ConnectionRecord, LedgerReader, LedgerWriter, ProcessRecord, RoomSpan
from ordercast.ledger.writing import Written
from tests.harness.clients.raw import CONNECT, RawWebSocket, raw_websocket
from tests.harness.processes.process import SECRET

KINDS = {"without": "0", "with": "1"}  # LEDGER_SECONDS
EVENTS_PER_SECOND = 300
SECONDS = 6.0  # of one turn
WRONG = ("missing", "doubled", "strays")  # of the report of the load
BATCH_SECONDS = 0.1
SPEAKERS, ACKS_EACH = 50, 40
FILLED = 10_000  # connections in the ledger, of four processes


class Side:
    """A service, and its clients."""

    def __init__(self, server: Server, load: Load, database: Path) -> None:
        self.server = server
        self._load = load
        self._database = database
        self._next = 0

    def connect(self, clients: int) -> float:
        """CPU in µs for each connect, the ledger's next write included."""
        before = self.server.cpu_seconds()
        self._load.connect(clients)
        time.sleep(2.5)
        return (self.server.cpu_seconds() - before) / clients * 1e6

    def idle(self) -> float:
        """CPU in ms for each second."""
        before = self.server.cpu_seconds()
        time.sleep(SECONDS)
        return (self.server.cpu_seconds() - before) / SECONDS * 1e3

    def events(self, clients: int) -> float:
        """CPU in µs for each event. Raises RuntimeError if one is missing, doubled or at another
        client."""
        count, batch = int(EVENTS_PER_SECOND * SECONDS), int(EVENTS_PER_SECOND * BATCH_SECONDS)
        self._load.expect("one", first=self._next, count=count)
        before = self.server.cpu_seconds()
        for _ in range(count // batch):
            with closing(sqlite3.connect(self._database, timeout=30)) as database, database:
                rows = [self._row(clients) for _ in range(batch)]
                database.executemany(
                    "INSERT INTO ordercast_events (room, name, data) VALUES (?, ?, ?)", rows
                )
            time.sleep(BATCH_SECONDS)
        report = self._load.report(seconds=30)
        if any(report[wrong] for wrong in WRONG):
            raise RuntimeError(json.dumps(report))
        return (self.server.cpu_seconds() - before) / count * 1e6

    def _row(self, clients: int) -> tuple[str, str, str]:
        seq, to = f"{self._next:08d}", sub(self._next % clients)
        self._next += 1
        data = json.dumps({"seq": seq, "sent": f"{time.monotonic_ns():019d}", "to": to})
        return f"user:{to}", "notification", data

    def memory_kb(self) -> float:
        return self.server.memory_kb()["Pss_Anon"]

    def acks(self) -> float:
        """CPU in µs for each acknowledgement, of clients that take turns."""
        url = f"http://127.0.0.1:{self.server.port}"
        with ExitStack() as stack:
            speakers = [stack.enter_context(_speaker(url, number)) for number in range(SPEAKERS)]
            time.sleep(1.5)
            before = self.server.cpu_seconds()
            for number in range(ACKS_EACH):
                for speaker in speakers:
                    speaker.say(f'42["ordercast:ack","{number}"]')
            speakers[-1].say('421["ordercast:ack","0"]')
            speakers[-1].hear_json("431")
            time.sleep(1.2)
            return (self.server.cpu_seconds() - before) / (SPEAKERS * ACKS_EACH) * 1e6


@contextmanager
def _speaker(url: str, number: int) -> Iterator[RawWebSocket]:
    with raw_websocket(url) as speaker:
        token = signed_with_secret(claims(900_000 + number, "customer", 900_000 + number))
        speaker.say(CONNECT + json.dumps({"token": token}))
        speaker.hear_json(CONNECT)
        yield speaker


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    allow_files(2 * arguments.clients)
    figures: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ordercast-bench-")))
        program = compile_load(folder)
        sides = {
            kind: started(stack, folder / kind, program, arguments.clients, seconds)
            for kind, seconds in KINDS.items()
        }

        def note(row: str, kind: str, value: float) -> None:
            figures.setdefault(row, {}).setdefault(kind, []).append(value)
            sys.stderr.write(f"{row}, {kind}: {value:.1f}\n")

        part = arguments.clients // arguments.turns
        for _ in range(arguments.turns):
            for kind, side in sides.items():
                note("connect, µs", kind, side.connect(part))
        for _ in range(arguments.turns):
            for kind, side in sides.items():
                note("idle, ms/s", kind, side.idle())
                note("event, µs", kind, side.events(part * arguments.turns))
        for kind, side in sides.items():
            note("memory, MB", kind, side.memory_kb() / 1024)
            note("acknowledgement, µs", kind, side.acks())
        answers = traced(sides["with"].server, folder / "with")
    print("| | without | with | ratio |\n|---|---|---|---|")
    for row, of in figures.items():
        before, after = (median(of[kind]) for kind in KINDS)
        print(f"| {row} | {before:.1f} | {after:.1f} | {after / before:.2f} |")
    for question, seconds in answers.items():
        print(f"{question}: {seconds * 1000:.0f} ms")
    return 0


def started(stack: ExitStack, folder: Path, program: Path, clients: int, seconds: str) -> Side:
    folder.mkdir()
    variables = {"LEDGER_SECONDS": seconds, "MAX_EVENTS_PER_SECOND": "0", "CANARY_SECONDS": "0"}
    server = stack.enter_context(running("ordercast", folder, variables=variables))
    users = [(number, "customer") for number in range(clients)]
    load = Load(program, folder, port=server.port, users=users)
    stack.callback(load.stop)
    return Side(server, load, folder / "bench.db")


def traced(server: Server, folder: Path) -> dict[str, float]:
    """Seconds for answers at FILLED connections more in the ledger."""
    broker = Broker(server.redis_url)
    sample = LedgerReader(broker).processes()[0]
    for number in range(4):
        fill(broker, replace(sample, name=token_hex(6), pid=number), FILLED // 4)
    settings = Settings.of(
        JWT_SECRET_KEY=SECRET,
        REDIS_URL=server.redis_url,
        DATABASE_URL=f"sqlite:///{folder / 'bench.db'}",
    )
    answers = {}
    with create_app(settings).app_context():
        head = cast.head().position
        questions: dict[str, Callable[[], object]] = {
            "trace of an event for one user": lambda: cast.trace(offset=head),
            "trace of a user": lambda: cast.trace(user=sub(7)),
            "a page of 100 of all connections": lambda: cast.connections(),
            "the connections of one user": lambda: cast.connections(user=sub(7)),
        }
        for question, ask in questions.items():
            before = time.monotonic()
            ask()
            answers[question] = time.monotonic() - before
    return answers


def fill(broker: Broker, process: ProcessRecord, count: int) -> None:
    writer = LedgerWriter(broker, process.name)
    made: dict[str, Written] = {}
    for number in range(count):
        user = sub(10_000_000 + number)
        record = ConnectionRecord(
            sid=token_hex(10),
            process=process.name,
            user_id=user,
            address="10.0.0.1",
            transport="websocket",
            since=datetime.now(UTC),
            client=token_hex(8),
            offset=0,
            is_recovered=False,
            is_replaying=False,
            rooms={f"user:{user}": RoomSpan(0)},
        )
        made[record.sid] = Written(record.text())
    writer.connections(made)
    writer.process(replace(process, written_at=datetime.now(UTC)), None)


if __name__ == "__main__":
    sys.exit(main())

"""The journal's tables on PostgreSQL, with 10,000 events and with many more.

    python -m bench.rows_kept [--rows 10000000] [--turns 9] [--json FILE]

The same work in two databases of one server, in turn, so that other work on the machine hits both
alike: append, sequence, replay, and drop a day. While days are dropped and added, another session
commits one change after the other. bench/README.md describes the method.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from flask import Flask

from app import create_app
from app.db import db
from bench import usage
from bench.table import shown
from ordercast.journal import Journal
from tests.harness.processes.process import SECRET
from tests.harness.servers.migrating import migrate
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer

FEW = 10_000
DAYS = 8  # with rows, today's included
PAYLOAD = '{"id": "1234567", "orderNumber": "ORD-1234567", "text": "' + "x" * 190 + '"}'
APPENDS = 200  # transactions of one event, in a turn
SEQUENCED = 1000  # events, in a turn, in steps of 200
REPLAYS, MISSED = 50, 20  # clients that come back in a turn, and events that each has missed
AROUND = 10_000  # the last positions, in which these are
GOAL = 1.2
GOAL_WAIT_MS = 100

# Filled beside the indexes, which are made afterwards: as a day's are, after a long day.
UNINDEX = """
SELECT 'DROP INDEX ' || indexrelid::regclass FROM pg_index
WHERE indrelid IN (to_regclass('ordercast_entries_' || %(day)s),
  to_regclass('ordercast_positions_' || %(day)s))
"""
FILL = (
    "INSERT INTO ordercast_entries_{day} (id, room, name, data, created_at, key)"
    " SELECT n, 'user:' || n %% {rooms}, 'order:status', %(payload)s, %(at)s, 'order:' || n"
    " FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n",
    "INSERT INTO ordercast_positions_{day} (position, id, created_at, room)"
    " SELECT n, n, %(at)s, 'user:' || n %% {rooms}"
    " FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n",
)

# Beside the changes, which are timed too: on a busy machine they wait for more than locks.
WAITED = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0) * 1000
FROM pg_locks WHERE NOT granted AND pid = %s
"""

Figures = dict[str, float]


class Kept:
    """A service on a database that has so many events of the last days."""

    def __init__(self, rows: int, server: Postgres, redis: RedisServer) -> None:
        self.rows = rows
        self.url = server.url(server.new_database())
        migrate(self.url)
        started = time.monotonic()
        self._fill()
        self.seconds = time.monotonic() - started
        settings = {"DATABASE_URL": self.url, "REDIS_URL": redis.url, "JWT_SECRET_KEY": SECRET}
        self.app: Flask = create_app(settings)
        self.journal: Journal = self.app.extensions["ordercast"].journal

    def _fill(self) -> None:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        each = self.rows // DAYS
        rooms = AROUND // MISSED
        with psycopg.connect(self.url, autocommit=True) as connection:
            for number in range(DAYS):
                at = today - timedelta(days=DAYS - 1 - number)
                day = f"{at:%Y%m%d}"
                connection.execute("SELECT ordercast_add_day(%s)", [at.date()])
                for (drop,) in connection.execute(UNINDEX, {"day": day}).fetchall():
                    connection.execute(drop.encode())
                values = {"payload": PAYLOAD, "at": at, "first": number * each + 1}
                values["last"] = (number + 1) * each
                for fill in FILL:
                    connection.execute(fill.format(day=day, rooms=rooms).encode(), values)
                connection.execute("SELECT ordercast_index_day(%s)", [day])
            connection.execute("UPDATE ordercast_head SET position = %s", [DAYS * each])
            connection.execute("SELECT setval('ordercast_events_id_seq', %s)", [DAYS * each])
            connection.execute("ANALYZE")

    @contextmanager
    def measured(self, figures: dict[str, list[float]], name: str, count: int) -> Iterator[None]:
        """Wall time, and CPU of the database's sessions, for each of `count` pieces of work."""
        backends = self._backends()
        cpu, started = usage.cpu_seconds(backends), time.perf_counter()
        yield
        wall = time.perf_counter() - started
        figures.setdefault(f"{name} wall", []).append(wall / count * 1e6)
        spent = usage.cpu_seconds(backends) - cpu
        figures.setdefault(f"{name} cpu", []).append(spent / count * 1e6)

    def _backends(self) -> list[int]:
        """Of this service's pool, which all run before anything is measured."""
        query = (
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        with psycopg.connect(self.url) as connection:
            own = connection.info.backend_pid
            return [pid for (pid,) in connection.execute(query) if pid != own]

    def append(self, count: int) -> None:
        for number in range(count):
            self.journal.append(db.session, f"user:{number}", "order:status", {"text": PAYLOAD})
            db.session.commit()

    def append_at_once(self, count: int) -> None:
        with db.session.begin():
            for number in range(count):
                self.journal.append(db.session, f"user:{number}", "order:status", {"x": PAYLOAD})

    def sequence(self) -> None:
        sequencer = self.journal.sequencer(lambda _message: None)
        while sequencer.step():
            continue

    def replay(self, count: int) -> None:
        """What so many clients have missed, which is the same number in both databases."""
        head = self.journal.head().position
        for number in range(count):
            entries = self.journal.since(
                head - AROUND, limit=1000, rooms=[f"user:{number}"], until=head
            )
            assert entries

    def turn(self, figures: dict[str, list[float]], *, is_warm: bool) -> None:
        with self.app.app_context():
            into = figures if is_warm else {}
            with self.measured(into, "append", APPENDS):
                self.append(APPENDS)
            self.sequence()
            self.append_at_once(SEQUENCED)
            with self.measured(into, "sequence", SEQUENCED):
                self.sequence()
            with self.measured(into, "replay", REPLAYS):
                self.replay(REPLAYS)

    def longest_waits(self, figures: dict[str, list[float]]) -> Figures:
        """How long the longest of many changes takes beside each work, and waits for a lock, in
        milliseconds."""
        works: dict[str, Callable[[], object]] = {
            "nothing else": lambda: time.sleep(3),
            "days dropped": partial(self._drop_all, figures),
            "days added": self._add,
            "days tried beside an open report": self._try,
        }
        found = {}
        with self.app.app_context():
            for name, work in works.items():
                found[name], found[f"{name}, its lock"] = self._longest_ms(work)
        return found

    def _longest_ms(self, work: Callable[[], object]) -> tuple[float, float]:
        changes = Changes(self.url)
        locks = Locks(self.url, changes.pid)
        for thread in (changes, locks):
            thread.start()
        work()
        for thread in (locks, changes):
            thread.stop()
        return changes.longest_ms, locks.longest_ms

    def _drop_all(self, figures: dict[str, list[float]]) -> None:
        for keep in range(DAYS - 2, 0, -1):
            before = datetime.now(UTC) - timedelta(days=keep)
            with self.measured(figures, "drop a day, an event", self.rows // DAYS):
                while not self.journal.drop_days(before):
                    continue

    def _add(self) -> None:
        for _ in range(5):
            self.journal.add_days()

    def _try(self) -> None:
        """A transaction that has read the whole table stays open: each try gives up."""
        with psycopg.connect(self.url) as report:
            report.execute("SELECT FROM ordercast_events LIMIT 1")
            for _ in range(5):
                self.journal.drop_days(datetime.now(UTC) + timedelta(days=1))


class Changes(threading.Thread):
    """Another program: changes with an event, one after the other, and how long each took."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._connection = psycopg.connect(url, autocommit=True)
        self._is_over = threading.Event()
        self.pid = self._connection.info.backend_pid
        self.longest_ms = 0.0

    def run(self) -> None:
        insert = "INSERT INTO ordercast_events (room, name, data) VALUES ('user:1', 'test', '{}')"
        with self._connection as connection:
            while not self._is_over.is_set():
                started = time.perf_counter()
                connection.execute(insert)
                self.longest_ms = max(self.longest_ms, (time.perf_counter() - started) * 1e3)

    def stop(self) -> None:
        self._is_over.set()
        self.join()


class Locks(threading.Thread):
    """How long that program has waited for a lock, asked all the time."""

    def __init__(self, url: str, pid: int) -> None:
        super().__init__(daemon=True)
        self._connection = psycopg.connect(url, autocommit=True)
        self._pid = pid
        self._is_over = threading.Event()
        self.longest_ms = 0.0

    def run(self) -> None:
        with self._connection as connection:
            while not self._is_over.is_set():
                row = connection.execute(WAITED, [self._pid]).fetchone()
                self.longest_ms = max(self.longest_ms, float(row[0] if row else 0))

    def stop(self) -> None:
        self._is_over.set()
        self.join()


def run(rows: int, turns: int) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ordercast-bench-")))
        server = Postgres(
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ordercast-pg-")))
        )
        stack.callback(server.stop)
        redis = RedisServer(folder)
        redis.start()
        stack.callback(redis.stop)
        both = [Kept(count, server, redis) for count in (FEW, rows)]
        figures: list[dict[str, list[float]]] = [{}, {}]
        for number in range(turns + 1):
            for kept, into in zip(both, figures, strict=True):
                kept.turn(into, is_warm=number > 0)
        waits: list[Figures] = [{}, {}]
        for kept, into, longest in zip(both, figures, waits, strict=True):
            longest.update(kept.longest_waits(into))
        return {
            "rows": [kept.rows for kept in both],
            "filled_seconds": [round(kept.seconds) for kept in both],
            "figures": [{name: median(of) for name, of in each.items()} for each in figures],
            "longest_ms": waits,
        }


def markdown(result: dict[str, Any]) -> str:
    few, many = result["rows"]
    lines = [f"| | {few:,} events | {many:,} events | ratio | to reach |", "|---|---|---|---|---|"]
    for name in result["figures"][0]:
        small, large = (each[name] for each in result["figures"])
        ratio = f"{large / small:.2f}"
        ratio = ratio if large / small <= GOAL else f"**{ratio}**"
        cells = " | ".join(shown(value, "µs") for value in (small, large))
        lines.append(f"| {name} | {cells} | {ratio} | ≤ {GOAL} |")
    for name in result["longest_ms"][0]:
        cells = " | ".join(shown(each[name], "ms") for each in result["longest_ms"])
        goal = f"≤ {GOAL_WAIT_MS} ms" if "lock" in name else ""
        lines.append(f"| longest change: {name} | {cells} | | {goal} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    result = run(chosen.rows, chosen.turns)
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=2))
    print(markdown(result))
    print(f"filled in {result['filled_seconds']} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

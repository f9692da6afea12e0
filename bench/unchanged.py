"""Apps of Flask-SocketIO teams, unchanged, stock and with Ordercast's line, in one run.

    python -m bench.unchanged [--clients 200] [--events 100]

The clients of tests/e2e/apps/ are cut off every few seconds while events are emitted. Of the events
that each client was to get, how many did it get, how often twice, and in the wrong order? To reach:
100 %, none and none.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.clients.crowd import Crowd
from tests.harness.processes.unchanged import UnchangedApp
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

PER_SECOND = 5
CUT_EVERY_SECONDS = 4.0  # each client, about
AWAY_MS = 1000  # until a client comes back, about
CONNECT_SECONDS = 120.0  # a deadline: Node starts, and all connect at once
SETTLE_SECONDS = 5.0  # after the last event
ROW = "{:<6} {:<10} {:>12} {:>10} {:>8} {:>10}"


@contextmanager
def running(name: str, *, is_stock: bool) -> Iterator[UnchangedApp]:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        redis = RedisServer(folder)
        redis.start()
        app = UnchangedApp(
            name,
            folder,
            database_url=f"sqlite:///{folder}/app.db",
            redis_url=redis.url,
            durable="tick, order:*",
            factory=name == "shop",
            is_stock=is_stock,
        )
        yield app
        app.stop()
        redis.stop()


def measure(app: UnchangedApp, name: str, clients: int, events: int) -> list[list[int]]:
    """-> the numbers that each client got, in order."""
    crowd = Crowd(
        app.url,
        clients,
        transports=["websocket"],
        auth={"staff": True},
        reconnectionDelay=AWAY_MS,
        reconnectionDelayMax=AWAY_MS,
    )
    wait_until(
        lambda: len(crowd.all("connect")) >= clients, "all are connected", seconds=CONNECT_SECONDS
    )
    chance = random.Random(7)

    def tick(emit: Callable[[], object]) -> None:
        emit()
        share = clients / (PER_SECOND * CUT_EVERY_SECONDS)
        crowd.cut(chance.sample(range(clients), round(share)))
        time.sleep(1 / PER_SECOND)

    if name == "chat":
        app.post("/count", [events, 1 / PER_SECOND])
    for _ in range(events):
        tick(lambda: None if name == "chat" else app.post("/orders", "alice"))
    time.sleep(SETTLE_SECONDS)
    event = "tick" if name == "chat" else "order:new"
    got = [[one["number"] for one in each] for each in crowd.payloads(event).values()]
    crowd.leave()
    return got


def main() -> int:
    parser = argparse.ArgumentParser(description="unchanged apps, stock and with Ordercast")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--events", type=int, default=100)
    arguments = parser.parse_args()
    wanted = arguments.clients * arguments.events
    failed = False
    sys.stdout.write(ROW.format("app", "", "delivered", "%", "twice", "disorder") + "\n")
    for name in ("chat", "shop"):
        for is_stock in (True, False):
            with running(name, is_stock=is_stock) as app:
                got = measure(app, name, arguments.clients, arguments.events)
            delivered = sum(len(set(each)) for each in got)
            twice = sum(len(each) - len(set(each)) for each in got)
            disorder = sum(each != sorted(each) for each in got)
            kind = "stock" if is_stock else "ordercast"
            share = f"{100 * delivered / wanted:.2f}"
            sys.stdout.write(ROW.format(name, kind, delivered, share, twice, disorder) + "\n")
            failed |= not is_stock and (delivered, twice, disorder) != (wanted, 0, 0)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

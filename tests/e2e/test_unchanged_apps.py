"""Apps of Flask-SocketIO teams, unchanged but for Ordercast's line: clients that are cut off again
and again get every chosen event, in order, once."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.clients.crowd import Crowd
from tests.harness.processes.unchanged import UnchangedApp
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

CLIENTS, EVENTS = 24, 40
CUT_SECONDS = 0.4
Start = Callable[..., UnchangedApp]
Join = Callable[..., Crowd]


@pytest.fixture
def start(
    tmp_path: Path, own_redis: RedisServer, request: pytest.FixtureRequest
) -> Iterator[Start]:
    made: list[UnchangedApp] = []

    def start(name: str, database_url: str, **options: Any) -> UnchangedApp:
        made.append(
            UnchangedApp(
                name, tmp_path, database_url=database_url, redis_url=own_redis.url, **options
            )
        )
        return made[-1]

    yield start
    for app in made:
        app.stop()


@pytest.fixture
def join() -> Iterator[Join]:
    made: list[Crowd] = []

    def join(app: UnchangedApp, count: int, **auth: Any) -> Crowd:
        crowd = Crowd(app.url, count, transports=["websocket"], auth=auth)
        made.append(crowd)
        crowd.wait("connect", count)
        return crowd

    yield join
    for crowd in made:
        crowd.leave()


def cut_while(crowds: list[Crowd], are_complete: Callable[[], bool], what: str) -> None:
    """Cut some off every now and then, until all is there."""
    chance, cut_at = random.Random(7), time.monotonic()

    def look() -> bool:
        nonlocal cut_at
        if time.monotonic() - cut_at > CUT_SECONDS:
            cut_at = time.monotonic()
            for crowd in crowds:
                crowd.cut(chance.sample(range(crowd.count), crowd.count // 6))
        return are_complete()

    wait_until(look, what, seconds=60)


def numbers(crowd: Crowd, event: str) -> dict[int, list[int]]:
    return {n: [one["number"] for one in got] for n, got in crowd.payloads(event).items()}


def test_a_chat_with_an_initialised_socketio_loses_no_broadcast(
    start: Start, join: Join, tmp_path: Path
) -> None:
    app = start("chat", f"sqlite:///{tmp_path}/chat.db", durable="tick, tock, said")
    crowd = join(app, CLIENTS)
    app.post("/count", [EVENTS, 0.05])
    cut_while(
        [crowd], lambda: all(crowd.payloads("tock").values()), "every client has the last event"
    )
    assert numbers(crowd, "tick") == {n: list(range(EVENTS)) for n in range(CLIENTS)}
    assert all(line.get("recovered") for line in crowd.all("connect")[CLIENTS:])


def test_a_shop_with_two_processes_loses_no_order(
    start: Start, join: Join, postgres: tuple[Postgres, str]
) -> None:
    server, _ = postgres
    url = server.url(server.new_database())
    app = start("shop", url, durable="order:*", factory=True, workers=2)
    staff, alice = join(app, CLIENTS // 2, staff=True), join(app, CLIENTS // 2, customer="alice")
    placed: list[int] = []

    def order() -> bool:
        if len(placed) < EVENTS:
            placed.append(app.post("/orders", "alice")["id"])
            app.post(f"/orders/{placed[-1]}/cooked")
        return len(placed) == EVENTS and all(
            len(got) >= EVENTS
            for crowd, event in ((staff, "order:new"), (alice, "order:status"))
            for got in crowd.payloads(event).values()
        )

    cut_while([staff, alice], order, "every client has the last event")
    assert numbers(staff, "order:new") == dict.fromkeys(range(CLIENTS // 2), placed)
    assert numbers(alice, "order:status") == dict.fromkeys(range(CLIENTS // 2), placed)

"""The worker that journals the emits of stock scripts is killed, or frozen, while they go on."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person
from tests.harness.processes.external import run_script
from tests.harness.processes.process import FLASK, Process
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
EMITS, EACH_SECONDS = 150, 0.02
SOME = 30  # arrived before the leader is hurt
EMIT = """
for number in range({first}, {first} + {count}):
    note = {{"title": str(number), "message": "m", "type": "info"}}
    socketio.emit("notification", note, to="user:{user}")
    socketio.sleep({seconds})
"""
LEADS = "leads the relay of emits"


@pytest.fixture
def service(
    database_url: str, own_redis: RedisServer, new_service: Callable[..., Service]
) -> Service:
    """Its web process runs; its workers are the test's business."""
    service = new_service(database_url=database_url, redis_url=own_redis.url)
    service.env["DURABLE"] = "order:*, notification"
    service.start_web()
    return service


@pytest.fixture
def start_worker(service: Service, tmp_path: Path) -> Iterator[Callable[[], Process]]:
    made: list[Process] = []

    def start() -> Process:
        log = tmp_path / f"worker-{len(made)}.log"
        made.append(Process([*FLASK, "worker"], env=service.env, log=log))
        wait_until(lambda: made[-1].logged("worker started"), "the worker runs", seconds=60)
        return made[-1]

    yield start
    for worker in made:
        if worker.is_running():
            os.kill(worker.pid, signal.SIGCONT)
            worker.stop()


@contextmanager
def emitting(service: Service, person: Person, first: int) -> Iterator[None]:
    """A stock script emits, from before the block until after it."""
    lines = EMIT.format(first=first, count=EMITS, user=person.id, seconds=EACH_SECONDS)
    script = threading.Thread(target=run_script, args=[service.env["REDIS_URL"], lines])
    script.start()
    yield
    script.join()


def numbers(client: StockClient) -> list[int]:
    return [int(payload["title"]) for payload, *_ in client.events("notification")]


def wait_for(client: StockClient, count: int) -> None:
    wait_until(lambda: len(numbers(client)) >= count, f"{count} notifications")


def leads(worker: Process) -> Any:
    return lambda: worker.logged(LEADS)


def test_another_worker_goes_on_without_a_gap_and_without_doubles(
    service: Service,
    alice: Person,
    stock_client: NODE,
    start_worker: Callable[[], Process],
) -> None:
    killed = start_worker()
    wait_until(leads(killed), "the first worker leads")
    second = start_worker()
    client = stock_client(service.url, alice.token)
    client.wait_settled()
    with emitting(service, alice, 0):
        wait_for(client, SOME)
        killed.kill()
    wait_for(client, EMITS)
    assert numbers(client) == list(range(EMITS))
    assert second.logged(LEADS)
    assert client.offsets() == sorted(client.offsets())

    if service.env["DATABASE_URL"].startswith("sqlite"):
        return  # a process that is frozen inside a transaction keeps the file's lock
    third = start_worker()
    with emitting(service, alice, EMITS):
        wait_for(client, EMITS + SOME)
        os.kill(second.pid, signal.SIGSTOP)
        wait_until(leads(third), "the third worker leads")
        os.kill(second.pid, signal.SIGCONT)
    wait_until(lambda: second.logged("another worker leads the relay"), "the second notices")
    wait_for(client, 2 * EMITS)
    assert numbers(client) == list(range(2 * EMITS))

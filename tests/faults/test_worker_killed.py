"""kill -9 where it hurts: between commit and publish, at random, and under the clients."""

import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.harness.application.mailbox import Mailbox
from tests.harness.clients.stock import VERSIONS, StockClient
from tests.harness.people.person import Person
from tests.harness.processes.process import Process
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]

# A sequencer that dies after its commit and before anything is published.
DYING_SEQUENCER = """
import os, signal
from wsgi import app
from tests.harness.application.journal import sequence_once
with app.app_context():
    sequence_once(lambda message: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.fixture
def service(
    database_url: str, redis_server: RedisServer, new_service: Callable[..., Service]
) -> Service:
    """Its web process runs; its worker is the test's business."""
    service = new_service(database_url=database_url, redis_url=redis_server.url)
    service.start_web()
    return service


def journalled(person: Person, after: int = 0) -> list[int]:
    """The offsets of what was announced to this person, in order."""
    answer = person.get(f"/api/events?after={after}")
    assert answer["complete"]
    return [int(event["offset"]) for event in answer["events"]]


def without_holes(buyer: Person, seller: Person) -> int:
    """The last position, if each up to it was given once: an order is an event to either."""
    positions = sorted(journalled(buyer) + journalled(seller))
    assert positions == list(range(1, len(positions) + 1))
    return len(positions)


def test_an_event_whose_sequencer_died_before_publishing_arrives_once(
    service: Service, alice: Person, bob: Person, stock_client: NODE, tmp_path: Path
) -> None:
    """The race: killed after the commit, so nobody will ever publish this event."""
    seller = stock_client(service.url, bob.token)
    seller.wait("connect")
    tea = bob.offers(stock=10, lowStockThreshold=0)
    order = alice.orders(tea)

    dying = [sys.executable, "-c", DYING_SEQUENCER]
    died = Process(dying, env=service.env, log=tmp_path / "dying.log").wait()

    assert died == -signal.SIGKILL
    assert seller.wait_event("order:new")[0] == order  # no worker runs: the follower looked
    service.start_worker()
    alice.orders(tea)
    seller.wait_event("order:new", 2)
    assert seller.offsets() == journalled(bob)
    assert without_holes(alice, bob) == 4


def test_workers_killed_at_random_lose_double_and_swap_nothing(
    service: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    moments = random.Random(20_26)
    sellers = [stock_client(service.url, bob.token, version=version) for version in VERSIONS]
    for seller in sellers:
        seller.wait("connect")
    tea = bob.offers(stock=10_000, lowStockThreshold=0)
    enough = threading.Event()
    placed: list[Any] = []

    def order_steadily() -> None:
        while not enough.wait(0.02):
            placed.append(alice.orders(tea)["orderNumber"])

    stream = threading.Thread(target=order_steadily)
    stream.start()
    try:
        for _ in range(5):
            worker = service.start_worker()
            # Whatever it is doing then: the number of events that it got through decides.
            count = len(placed) + moments.randrange(1, 15)
            wait_until(partial(lambda most: len(placed) >= most, count), "the moment has come")
            worker.kill()
    finally:
        enough.set()
        stream.join()
    service.start_worker()

    for seller in sellers:
        seller.wait_event("order:new", len(placed))
    last = alice.orders(tea)["orderNumber"]
    for seller in sellers:
        seller.wait_event("order:new", len(placed) + 1)
        received = [payload["orderNumber"] for payload, _ in seller.events()]
        assert received == [*placed, last]
        assert seller.offsets() == journalled(bob)
    assert without_holes(alice, bob) == 2 * len(placed) + 2


def test_another_worker_drains_the_inbox_after_the_one_that_did_was_killed(
    postgres_url: str, own_redis: RedisServer, new_service: Callable[..., Service]
) -> None:
    first, second = (
        new_service(database_url=postgres_url, redis_url=own_redis.url) for _ in range(2)
    )
    mailbox = Mailbox(own_redis.url)

    def drain(title: str) -> None:
        mailbox.add(title)
        wait_until(lambda: not mailbox.waiting(), f"{title} is journalled")

    try:
        worker = first.start_worker()
        drain("1")
        second.start_worker()
        drain("2")
        worker.kill()
        drain("3")
        first.start_worker()
        assert second.worker is not None
        assert second.worker.stop() == 0
        drain("4")
    finally:
        mailbox.redis.close()


def test_what_was_missed_while_the_web_process_was_dead_is_replayed_and_can_be_read(
    service: Service,
    alice: Person,
    bob: Person,
    new_service: Callable[..., Service],
    stock_client: NODE,
) -> None:
    """gunicorn starts another worker process; clients come back to it by themselves."""
    service.start_worker()
    elsewhere = new_service(
        database_url=service.env["DATABASE_URL"], redis_url=service.env["REDIS_URL"]
    )
    elsewhere.start_web()
    seller = stock_client(service.url, bob.token)
    seller.wait("connect")
    tea = bob.offers(stock=1000, lowStockThreshold=0)
    alice.orders(tea)
    seller.wait_event("order:new")
    seen = seller.offsets()
    alice.url = bob.url = elsewhere.url

    killed = service.worker_process()
    os.kill(killed, signal.SIGKILL)
    while len(seller.all("connect")) < 2:
        alice.orders(tea)
    alice.orders(tea)

    assert service.web is not None
    assert service.web.is_running()
    assert service.worker_process() != killed
    assert seller.wait("connect", 2)["recovered"] is True
    count = placed(alice)
    seller.wait_event("order:new", count)
    assert seller.offsets() == journalled(bob)
    assert without_holes(alice, bob) == 2 * count
    assert seen + journalled(bob, seen[-1]) == seller.offsets()
    assert seller.wait("disconnect")["active"]


def placed(buyer: Person) -> int:
    """How many orders this customer has."""
    count, cursor = 0, ""
    while True:
        page = buyer.get(f"/api/orders?limit=100{cursor}")
        count += len(page["orders"])
        if page["nextCursor"] is None:
            return count
        cursor = f"&cursor={page['nextCursor']}"

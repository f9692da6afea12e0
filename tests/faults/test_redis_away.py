"""Redis dies or hangs, and comes back: orders go on, and their events arrive, late and in order."""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from statistics import median
from typing import Any

import pytest

from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person, register
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
EVERY_SECONDS = 0.5  # the load: an order each half second
AWAY_ORDERS = 20  # while Redis is away, for ten seconds

# The promise: with Redis dead, an event arrives within 2 s of the answer to what caused it. Half of
# them may be late by the machine, on which servers, browsers and tests share a few cores.
PROMISED_SECONDS = 2.0


def steady_orders(buyer: Person, product: Any, count: int) -> dict[str, float]:
    """Order at the load's pace -> the time of each answer, by order number."""
    answered = {}
    begun = time.monotonic()
    for number in range(count):
        due = begun + number * EVERY_SECONDS
        wait_until(partial(is_past, due), "the next order is due")
        order = buyer.orders(product)  # asserts that it was 2xx
        answered[order["orderNumber"]] = time.time()
    return answered


def is_past(moment: float) -> bool:
    return time.monotonic() >= moment


@pytest.mark.parametrize(
    ("kind", "take_away", "bring_back"),
    [
        ("sqlite", RedisServer.kill, RedisServer.start),  # connections are refused
        ("postgres", RedisServer.freeze, RedisServer.thaw),  # they stay open and are silent
    ],
    ids=["killed", "frozen"],
)
def test_with_redis_away_events_arrive_within_two_seconds(
    request: pytest.FixtureRequest,
    own_redis: RedisServer,
    new_service: Callable[..., Service],
    stock_client: NODE,
    kind: str,
    take_away: Callable[[RedisServer], None],
    bring_back: Callable[[RedisServer], None],
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    service = new_service(database_url=url, redis_url=own_redis.url).start()
    alice, bob = register(service.url, "customer"), register(service.url, "seller")
    with closing(alice.http), closing(bob.http):
        seller = stock_client(service.url, bob.token)
        seller.wait("connect")
        tea = bob.offers(stock=1000, lowStockThreshold=0)
        answered = steady_orders(alice, tea, 2)

        take_away(own_redis)
        answered |= steady_orders(alice, tea, AWAY_ORDERS)
        seller.wait_event("order:new", len(answered))  # without Redis
        bring_back(own_redis)
        # What was published into the silence is delivered now, and is old news.
        answered |= steady_orders(alice, tea, 4)

        seller.wait_event("order:new", len(answered))
        # A new connection to Redis says so; then one more: nothing is still on its way behind it.
        redis_is_followed(service)
        alice.orders(tea)
        seller.wait_event("order:new", len(answered) + 1)
        missed = bob.get("/api/events?after=0")["events"]

    arrived = [(line["args"][0]["orderNumber"], line["at"] / 1000) for line in seller.all("event")]
    assert [number for number, _ in arrived][:-1] == list(answered)
    assert seller.offsets() == [int(event["offset"]) for event in missed]
    assert seller.offsets() == sorted(set(seller.offsets()))
    delays = [round(at - answered[number], 2) for number, at in arrived[:-1]]
    assert median(delays) <= PROMISED_SECONDS, delays
    assert not seller.all("disconnect")


def redis_is_followed(service: Service) -> None:
    """Until events come through Redis again: the journal is no longer read because of silence."""
    reason = 'ordercast_follower_journal_reads_total{reason="silence"}'
    # The follower reads the journal more often than this while it hears nothing.
    quiet_seconds = 2 * EVERY_SECONDS
    reads, since = service.metric(reason), time.monotonic()

    def is_quiet() -> bool:
        nonlocal reads, since
        now = service.metric(reason)
        if now != reads:
            reads, since = now, time.monotonic()
        return time.monotonic() - since > quiet_seconds

    wait_until(is_quiet, "Redis is followed again")

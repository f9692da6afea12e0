"""One worker drains the inbox at a time, and another goes on within seconds of its end."""

from collections.abc import Iterator

import pytest
import redis

from ordercast.broker import Broker, Redis
from ordercast.inbox.lease import LEASE_MS, RENEW_SECONDS, Lease
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until


@pytest.fixture
def broker(own_redis: RedisServer) -> Broker:
    return Broker(own_redis.url)


@pytest.fixture
def client(broker: Broker) -> Iterator[Redis]:
    with broker.connect() as client:
        yield client


def test_one_worker_has_it_and_keeps_it(client: Redis, broker: Broker) -> None:
    first, second = Lease(client, broker), Lease(client, broker)
    assert first.take()
    assert not second.take()
    assert first.take()


def test_it_goes_to_another_at_once_when_it_is_left(client: Redis, broker: Broker) -> None:
    first, second = Lease(client, broker), Lease(client, broker)
    assert first.take()
    second.leave()
    assert not second.take()
    first.leave()
    assert second.take()
    assert not first.take()


def test_one_that_is_not_renewed_runs_out(client: Redis, broker: Broker) -> None:
    """Its worker was killed, or hangs: when that goes on, it finds that it has lost the lease."""
    first, second = Lease(client, broker, lease_ms=50), Lease(client, broker)
    assert first.take()
    wait_until(second.take, "the lease has run out")
    wait_until(lambda: not first.take(), "the first worker asks again")
    assert second.take()


def test_it_is_renewed_long_before_it_runs_out(client: Redis, broker: Broker) -> None:
    first = Lease(client, broker)
    assert first.take()
    client.pexpire(broker.inbox_lease, 60_000)
    wait_until(lambda: first.take() and client.pttl(broker.inbox_lease) <= LEASE_MS, "a renewal")
    assert 2 * RENEW_SECONDS * 1000 < LEASE_MS


def test_a_redis_that_forgets_it_is_told_again(client: Redis, broker: Broker) -> None:
    first = Lease(client, broker)
    assert first.take()
    client.flushall()
    wait_until(lambda: first.take() and client.exists(broker.inbox_lease), "the lease is renewed")


def test_where_redis_is_full_the_inbox_is_drained_all_the_same(
    client: Redis, broker: Broker
) -> None:
    client.config_set("maxmemory", 1)
    assert Lease(client, broker).take()


def test_without_redis_it_says_so() -> None:
    broker = Broker(f"redis://127.0.0.1:{free_port()}/0")
    with broker.connect() as client, pytest.raises(redis.ConnectionError):
        Lease(client, broker).take()

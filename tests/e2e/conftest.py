"""The service as processes, and people with stock clients."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import fresh_database, redis_in
from tests.harness.clients.stock import StockClient
from tests.harness.faults.proxy import Proxy
from tests.harness.people.fixtures import alice, bob, person, person_at
from tests.harness.processes.limited import limited
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer

__all__ = ["alice", "bob", "limited", "person", "person_at"]


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A running service on each database, for all tests that do not hurt it: every test has people
    of its own, and its clients leave in the end. The Redis is its own, and so is the inbox."""
    for url in fresh_database(request, request.param):
        folder = tmp_path_factory.mktemp("service")
        with redis_in(folder) as own:
            service = Service(folder, database_url=url, redis_url=own.url)
            service.start()
            yield service
            service.stop()


@pytest.fixture(scope="session")
def other(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A second instance, web process and worker, on the same database and the same Redis."""
    shared = {name.lower(): service.env[name] for name in ("DATABASE_URL", "REDIS_URL")}
    other = Service(tmp_path_factory.mktemp("other"), **shared)
    other.start()
    yield other
    other.stop()


@pytest.fixture
def own_service(
    request: pytest.FixtureRequest, own_redis: RedisServer, tmp_path: Path
) -> Iterator[Callable[..., Service]]:
    """A builder: a running service of this test's own, to be hurt, or with other settings."""
    with ExitStack() as stack:

        def make(kind: str = "sqlite", **variables: str) -> Service:
            url = stack.enter_context(contextmanager(fresh_database)(request, kind))
            service = Service(tmp_path, database_url=url, redis_url=own_redis.url, **variables)
            stack.callback(service.stop)
            return service.start()

        yield make


@pytest.fixture
def network() -> Iterator[Callable[[Service], Proxy]]:
    """A builder: a network of its own in front of a service."""
    made: list[Proxy] = []

    def make(service: Service) -> Proxy:
        made.append(Proxy(service.port))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def stock_client() -> Iterator[Callable[..., StockClient]]:
    """A builder of stock clients, closed at the end."""
    made: list[StockClient] = []

    def make(*args: Any, **options: Any) -> StockClient:
        made.append(StockClient(*args, **options))
        return made[-1]

    yield make
    for client in made:
        client.leave()

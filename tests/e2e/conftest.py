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


@pytest.fixture(scope="session")
def sqlite_service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    yield from running(request, tmp_path_factory, "sqlite")


@pytest.fixture(scope="session")
def postgres_service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    yield from running(request, tmp_path_factory, "postgres")


def running(
    request: pytest.FixtureRequest, folders: pytest.TempPathFactory, kind: str
) -> Iterator[Service]:
    """A running service on a database of this kind, with a Redis, and so an inbox, of its own."""
    for url in fresh_database(request, kind):
        folder = folders.mktemp("service")
        with redis_in(folder) as own:
            service = Service(folder, database_url=url, redis_url=own.url)
            try:
                yield service.start()
            finally:
                service.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def service(request: pytest.FixtureRequest) -> Service:
    """A running service on each database, for all tests that do not hurt it: every test has people
    of its own, and its clients leave in the end. Both run until the last file: a fixture of the
    session that had the parameter itself would end the one for the other in every file."""
    chosen: Service = request.getfixturevalue(f"{request.param}_service")
    return chosen


@pytest.fixture(scope="session")
def sqlite_other(
    sqlite_service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    yield from running_beside(sqlite_service, tmp_path_factory)


@pytest.fixture(scope="session")
def postgres_other(
    postgres_service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    yield from running_beside(postgres_service, tmp_path_factory)


def running_beside(service: Service, folders: pytest.TempPathFactory) -> Iterator[Service]:
    shared = {name.lower(): service.env[name] for name in ("DATABASE_URL", "REDIS_URL")}
    other = Service(folders.mktemp("other"), **shared)
    try:
        yield other.start()
    finally:
        other.stop()


@pytest.fixture
def other(request: pytest.FixtureRequest, service: Service) -> Service:
    """A second instance, web process and worker, on the same database and the same Redis."""
    kind = request.node.callspec.params["service"]
    chosen: Service = request.getfixturevalue(f"{kind}_other")
    return chosen


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

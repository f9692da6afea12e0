"""The fixture `limited`, for a conftest to take: web processes with limits of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer

Limited = Callable[..., Service]


@pytest.fixture
def limited(sqlite_url: str, redis_server: RedisServer, tmp_path: Path) -> Iterator[Limited]:
    """A builder: a web process, without a worker, with these variables of the environment."""
    with ExitStack() as stack:

        def make(**variables: str) -> Service:
            service = Service(
                tmp_path, database_url=sqlite_url, redis_url=redis_server.url, **variables
            )
            stack.callback(service.stop)
            service.start_web()
            return service

        yield make

"""Services of one test's own, to be hurt."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import stock_client
from tests.harness.people.fixtures import alice, bob, person, person_at
from tests.harness.processes.service import Service

__all__ = ["alice", "bob", "new_service", "person", "person_at", "stock_client"]


@pytest.fixture
def new_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """A builder of services that are not started yet; stopped at the end."""
    made: list[Service] = []

    def make(*, database_url: str, redis_url: str, **variables: str) -> Service:
        folder = tmp_path / f"service-{len(made)}"
        folder.mkdir()
        made.append(Service(folder, database_url=database_url, redis_url=redis_url, **variables))
        return made[-1]

    yield make
    for service in made:
        service.stop()

"""Web processes in this process."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.config import Settings
from tests.harness.application.tabs import Start, WebProcess
from tests.harness.application.team import StartTeam, TeamProcess
from tests.harness.servers.redis import RedisServer


@pytest.fixture
def start(app: Flask, settings: Settings) -> Iterator[Start]:
    """A builder of web processes on the test's database: with `ring` events in memory, and with
    other settings."""
    made: list[WebProcess] = []

    def make(*, ring: int = 10_000, **changes: Any) -> WebProcess:
        made.append(WebProcess(settings.model_copy(update=changes), ring=ring))
        return made[-1]

    yield make
    for process in made:
        process.end()


@pytest.fixture
def process(start: Start) -> WebProcess:
    return start()


@pytest.fixture
def start_team(database_url: str, redis_server: RedisServer) -> Iterator[StartTeam]:
    """A builder of web processes of a team's application on the test's database."""
    made: list[TeamProcess] = []

    def make(**options: Any) -> TeamProcess:
        made.append(TeamProcess(database_url, redis_server, **options))
        return made[-1]

    yield make
    for process in made:
        process.end()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_urls(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Two databases with nothing in them."""
    server, _ = request.getfixturevalue(request.param)
    names = [server.new_database() for _ in range(2)]
    yield tuple(map(server.url, names))
    for name in names:
        server.drop(name)


@pytest.fixture
def empty_url(empty_urls: tuple[str, str]) -> str:
    return empty_urls[0]

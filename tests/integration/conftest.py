"""Web processes in this process."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.config import Settings
from tests.harness.application.tabs import Start, WebProcess


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

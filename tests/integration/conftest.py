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

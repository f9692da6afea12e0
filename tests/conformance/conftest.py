"""Servers of tests/conformance/server.py, one of each kind for a module.

No test depends on how fast this machine is: who must stay has long to answer, and who must go
does not answer at all.
"""

from collections.abc import Iterator

import pytest

from tests.harness.processes.gunicorn import Gunicorn

APPLICATION = "tests.conformance.server:app"


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """Its pings are so far apart that nothing ends by a ping timeout."""
    server = Gunicorn(APPLICATION, tmp_path_factory.mktemp("patient"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """It asks soon, and does not wait long."""
    server = Gunicorn(
        APPLICATION, tmp_path_factory.mktemp("quick"), PING_INTERVAL="0.3", PING_TIMEOUT="0.2"
    )
    yield server
    server.stop()


@pytest.fixture(scope="module")
def curious(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """It asks often, and waits long for the answer, but not for a CONNECT."""
    server = Gunicorn(
        APPLICATION, tmp_path_factory.mktemp("curious"), PING_INTERVAL="0.1", CONNECT_TIMEOUT="1"
    )
    yield server
    server.stop()

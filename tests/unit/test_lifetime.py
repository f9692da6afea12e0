"""A connection's deadline, which nobody can take back, keeps nothing of one that has left."""

import sys
import time
from typing import Any

import pytest

from ordercast.identity import Identity, TokenIdentity
from ordercast.live.connections import Connection, Connections
from ordercast.live.lifetime import Lifetime
from ordercast.transport.timers import Timers


def test_the_deadline_of_a_token_does_not_keep_its_connection() -> None:
    """Whoever comes and goes would stay in memory for as long as a token lasts."""
    nobody: Any = None  # asked for nothing here
    connections = Connections()
    timers = Timers()
    lifetime = Lifetime(nobody, connections, nobody, identify=nobody, grace=10, timers=timers)
    identity = Identity("7", expires_at=int(time.time()) + 3600)
    connection = Connection("sid", identity, None)
    connections.add(connection)
    before = sys.getrefcount(connection)
    lifetime.watch(connection)
    assert sys.getrefcount(connection) == before
    assert len(timers) == 1


class Deadlines:
    """Timers that never come."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def after(self, seconds: float, *_call: object) -> None:
        self.seconds.append(seconds)


@pytest.mark.parametrize(("kind", "grace"), [(Identity, 0), (TokenIdentity, 400)])
def test_only_a_token_has_a_grace_and_any_other_identity_ends_when_it_says(
    kind: type[Identity], grace: int
) -> None:
    nobody: Any = None  # asked for nothing here
    deadlines: Any = Deadlines()
    lifetime = Lifetime(nobody, Connections(), nobody, identify=nobody, grace=400, timers=deadlines)
    lifetime.watch(Connection("sid", kind("7", expires_at=time.time() + 400), None))
    assert deadlines.seconds == [pytest.approx(400 + grace, abs=60)]

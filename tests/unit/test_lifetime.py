"""A connection's deadline, which nobody can take back, keeps nothing of one that has left."""

import sys
import time
from typing import Any

from ordercast.identity import Identity
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

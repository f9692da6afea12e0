"""A connection's deadline, which nobody can take back, keeps nothing of one that has left."""

import sys
import time
from types import SimpleNamespace
from typing import Any

from ordercast.identity import Identity
from ordercast.live.connections import Connection, Connections
from ordercast.live.lifetime import Lifetime
from ordercast.transport.timers import Timers


def test_the_deadline_of_a_token_does_not_keep_its_connection() -> None:
    """Whoever comes and goes would stay in memory for as long as a token lasts."""
    settings: Any = SimpleNamespace(TOKEN_GRACE=10)
    nobody: Any = None  # asked for nothing here
    connections = Connections()
    lifetime = Lifetime(settings, nobody, connections, nobody, identify=nobody)
    lifetime.timers = Timers()
    identity = Identity("7", expires_at=int(time.time()) + 3600)
    connection = Connection("sid", identity, "websocket")
    connections.add(connection)
    before = sys.getrefcount(connection)
    lifetime.watch(connection)
    assert sys.getrefcount(connection) == before
    assert len(lifetime.timers) == 1

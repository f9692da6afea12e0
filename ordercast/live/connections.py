"""The connections of this process and whom they speak for.

A transport is its user's until it closes or is another user's: also when the client has left the
namespace on it. It counts for MAX_CONNECTIONS_PER_USER, and ends with the token at the latest.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from ordercast.errors import TokenError
from ordercast.identity import Identity
from ordercast.live.missed import Missed
from ordercast.metrics import RECOVERIES
from ordercast.revocation import Mark, RevocationKind, Rules


@dataclass(slots=True)
class Connection:
    sid: str
    identity: Identity  # verified when it connected
    transport: str  # at connect; a client usually upgrades later
    engine: Any = None  # its Engine.IO session, once it is accepted
    refusal: TokenError | None = None  # of a revocation that hit it, maybe while it connected
    pid: str = ""  # set once its token is verified
    recovered: bool = False
    missed: Missed | None = None  # what follows CONNECT, until the client has taken it
    overflowed: bool = False  # too much had to wait: it must come again
    since: float = field(default_factory=time.monotonic)


class Connections:
    """Registered before the revocation check, so that one that comes meanwhile is not missed."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Connection] = {}
        self._by_pid: dict[str, Connection] = {}
        # By Engine.IO session: the last one on it, which has left the namespace.
        self._departed: dict[str, Connection] = {}

    def add(self, connection: Connection) -> None:
        self._by_sid[connection.sid] = connection

    def name(self, connection: Connection, pid: str) -> Connection | None:
        """Give the connection its pid. Returns the older one of two that have it, to be closed: its
        predecessor, or itself, when its successor was faster."""
        other = self._by_pid.get(pid)
        connection.pid = pid
        if other is not None and other.since > connection.since:
            return connection
        self._by_pid[pid] = connection
        return other

    def get(self, sid: str) -> Connection | None:
        return self._by_sid.get(sid)

    def remove(self, sid: str) -> Connection | None:
        connection = self._by_sid.pop(sid, None)
        # A predecessor that leaves late must not take its successor's name along.
        if connection is not None and self._by_pid.get(connection.pid) is connection:
            del self._by_pid[connection.pid]
        if connection is not None and connection.missed is not None:
            RECOVERIES.labels("interrupted").inc()
            connection.missed = None
        return connection

    def depart(self, connection: Connection) -> None:
        """The client has left the namespace; its transport may stay open."""
        if connection.engine is not None and not connection.engine.closed:
            self._departed[connection.engine.sid] = connection

    def release(self, eio_sid: str) -> None:
        """The transport is closed, or a new connection's."""
        self._departed.pop(eio_sid, None)

    def departed(self, sid: str) -> Connection | None:
        """The connection, if it has left the namespace and its transport is open."""
        found = (one for one in self._departed.values() if one.sid == sid)
        return next(found, None)

    def departed_of(self, user_id: str) -> list[Connection]:
        return [one for one in self._departed.values() if one.identity.user_id == user_id]

    def all(self) -> list[Connection]:
        return list(self._by_sid.values())

    def hit_by(self, mark: Mark, rules: Rules) -> list[Connection]:
        """The connections that a revocation concerns. A login that came after its user's
        revocation, but before word of it, is good."""
        if mark.kind == RevocationKind.CONNECTIONS:
            return self.of_user(mark.value)
        return [found for found in self._by_sid.values() if rules.hits(found.identity, mark)]

    def of_user(self, user_id: str) -> list[Connection]:
        return [found for found in self._by_sid.values() if found.identity.user_id == user_id]

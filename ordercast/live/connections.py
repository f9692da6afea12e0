"""The connections of this process and their users.

A transport belongs to its user until it closes or another user connects over it, also when the
client has left the namespace. Until then the transport counts for MAX_CONNECTIONS_PER_USER, and
ends with the token at the latest.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ordercast.errors import TokenError
from ordercast.identity import Identity
from ordercast.live.arrival import Arrival
from ordercast.live.late import Late
from ordercast.live.missed import Missed
from ordercast.live.outcome import Outcome
from ordercast.metrics import RECOVERIES
from ordercast.revocation import Mark, RevocationKind, Rules

MAX_SPANS = 50  # of rooms that a client has left
NOBODY = Identity("")  # of a client without an identity


@dataclass(slots=True)
class Connection:
    """Changed by its own methods alone, in this order: begin, settle, and then any of the others; a
    revocation may come at any time."""

    sid: str
    identity: Identity  # the verified one, of the connect or of the latest refresh
    session: Any  # of Engine.IO
    refusal: TokenError | None = None  # of a revocation that hit it, maybe while it connected
    pid: str = ""  # once settled
    recovered: bool = False
    missed: Missed | None = None  # follows CONNECT; None once the client has taken it
    since: float = field(default_factory=time.monotonic)
    arrival: Arrival | None = None  # while it connects
    base: Sequence[str] = ()  # the rooms that its pid is signed for
    late: Late | None = None  # what it joined and left later
    # For the ledger:
    offset: int = 0  # once settled: what the client had
    spans: dict[str, tuple[int, int | None]] | None = None  # of rooms joined or left after that
    acknowledged: tuple[int, datetime] | None = None  # the highest offset, and when
    noted: int | None = None  # the state that was written; None: it is to be written

    def begin(self, arrival: Arrival) -> None:
        """The client is in the rooms of its identity, and its connect handler runs next."""
        self.arrival = arrival

    def settle(
        self,
        pid: str,
        *,
        base: Sequence[str],
        missed: Missed | None,
        recovered: bool,
        offset: int,
        since: Mapping[str, int],
    ) -> None:
        """The connect handler has run: `pid` and `missed` are what CONNECT and the replay tell. The
        client gets what comes after `offset`, and in some rooms after a later position, `since`."""
        self.pid, self.base, self.missed, self.recovered = pid, base, missed, recovered
        self.arrival = None
        self.offset = offset
        self.spans = {room: (at, None) for room, at in since.items() if at > offset} or None

    def entered(self, room: str, position: int) -> None:
        """The client gets the events of the room after this position."""
        self._keep_span(room, (position, None))

    def left(self, room: str, position: int) -> None:
        """The client has got the events of the room up to this position."""
        since, _ = (self.spans or {}).get(room, (self.offset, None))
        self._keep_span(room, (since, position))

    def _keep_span(self, room: str, span: tuple[int, int | None]) -> None:
        if self.spans is None:
            self.spans = {}
        self.spans.pop(room, None)
        self.spans[room] = span
        if len(self.spans) > MAX_SPANS:
            ended = (room for room, (_, until) in self.spans.items() if until is not None)
            oldest = next(ended, None)
            if oldest is not None:
                del self.spans[oldest]
        self.noted = None

    def acknowledge(self, offset: int, at: datetime) -> None:
        """The client has applied all events up to this offset."""
        self.acknowledged, self.noted = (offset, at), None

    def keep_late(self, late: Late | None) -> None:
        """Keep the rooms joined and left after the connect, of this connection or of the one before
        it; None forgets them."""
        self.late = late

    def refuse(self, refusal: TokenError) -> None:
        """A revocation hits the connection. The connect path checks this before it accepts."""
        self.refusal = refusal

    def renew(self, identity: Identity) -> None:
        """A revocation finds this identity here from now on."""
        self.identity = identity

    def end_replay(self) -> Missed | None:
        """Forget what the client missed -> it, if the client was recovered with it."""
        missed, self.missed = self.missed, None
        return missed if self.recovered else None

    def is_older_than(self, other: "Connection") -> bool:
        """Of two that began in the same moment, one is."""
        return (self.since, self.sid) < (other.since, other.sid)


class Connections:
    """A connection is registered before its revocation check, so that a revocation that comes
    meanwhile finds the connection here."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Connection] = {}
        self._anonymous: dict[str, Connection] = {}  # by sid
        self._by_pid: dict[str, Connection] = {}
        # The connection itself for a user with one, as most have: a list takes 100 bytes more.
        self._by_user: dict[str, Connection | list[Connection]] = {}
        # By Engine.IO session: the last connection on it, which has left the namespace.
        self._departed: dict[str, Connection] = {}

    def add(self, connection: Connection) -> None:
        if connection.identity is NOBODY:
            self._anonymous[connection.sid] = connection
            return
        self._by_sid[connection.sid] = connection
        user_id = connection.identity.user_id
        others = self._by_user.get(user_id)
        if others is None:
            self._by_user[user_id] = connection
        else:
            self._by_user[user_id] = [*_as_list(others), connection]

    def register_pid(self, connection: Connection) -> Connection | None:
        """Register the connection under its pid. Returns the older of two with the same pid, to be
        closed: the predecessor, or this one, when its successor was faster."""
        other = self._by_pid.get(connection.pid)
        if other is not None and connection.is_older_than(other):
            return connection
        self._by_pid[connection.pid] = connection
        return other

    def get(self, sid: str) -> Connection | None:
        return self._by_sid.get(sid)

    def with_pid(self, pid: object) -> Connection | None:
        return self._by_pid.get(pid) if isinstance(pid, str) else None

    def remove(self, sid: str) -> Connection | None:
        connection = self._by_sid.pop(sid, None) or self._anonymous.pop(sid, None)
        if connection is None:
            return None
        # A predecessor that leaves late must not remove its successor's entry.
        if self._by_pid.get(connection.pid) is connection:
            del self._by_pid[connection.pid]
        if connection.end_replay() is not None:
            RECOVERIES.labels(Outcome.INTERRUPTED).inc()
        if connection.identity is NOBODY:
            return connection
        user_id = connection.identity.user_id
        others = [one for one in self.of_user(user_id) if one is not connection]
        if others:
            self._by_user[user_id] = others[0] if len(others) == 1 else others
        else:
            del self._by_user[user_id]
        return connection

    def depart(self, connection: Connection) -> None:
        """Remember a connection that has left the namespace, and whose transport may stay open."""
        if not connection.session.closed:
            self._departed[connection.session.sid] = connection

    def release(self, eio_sid: str) -> None:
        """Forget the departed connection of a transport that is closed, or has a new one."""
        self._departed.pop(eio_sid, None)

    def departed(self, sid: str) -> Connection | None:
        """The connection, if it has left the namespace and its transport is open."""
        found = (one for one in self._departed.values() if one.sid == sid)
        return next(found, None)

    def departed_of(self, user_id: str) -> list[Connection]:
        return [one for one in self._departed.values() if one.identity.user_id == user_id]

    def older_sessions(self, connection: Connection) -> set[Any]:
        """The user's other Engine.IO sessions: of connections that are older than this one, and of
        those that have left the namespace."""
        user_id = connection.identity.user_id
        older = {one.session for one in self.of_user(user_id) if one.is_older_than(connection)}
        return older.union(one.session for one in self.departed_of(user_id)) - {connection.session}

    def has(self, connection: Connection) -> bool:
        """Whether the connection is registered here."""
        sid = connection.sid
        return (self._by_sid.get(sid) or self._anonymous.get(sid)) is connection

    def all(self) -> list[Connection]:
        """Those with an identity."""
        return list(self._by_sid.values())

    def anonymous(self) -> list[Connection]:
        return list(self._anonymous.values())

    def count(self) -> int:
        """How many there are, with or without an identity."""
        return len(self._by_sid) + len(self._anonymous)

    def hit_by(self, mark: Mark, rules: Rules) -> list[Connection]:
        """The connections that a revocation hits. Not those of a login after its user's revocation
        that came before this process learned of the revocation."""
        if mark.kind == RevocationKind.CONNECTIONS:
            return self.of_user(mark.value)
        return [found for found in self._by_sid.values() if rules.hits(found.identity, mark)]

    def of_user(self, user_id: str) -> list[Connection]:
        return _as_list(self._by_user.get(user_id, []))


def _as_list(found: Connection | list[Connection]) -> list[Connection]:
    return [found] if isinstance(found, Connection) else found

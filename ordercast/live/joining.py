"""Rooms that a client joins or leaves after its connect: committed, so that recovery restores them,
in any process.

The row is committed first, with the journal's position then; events after it are owed. Then the
client enters the room, in between two events of the follower:

- The follower is behind that position: events up to it came before the join, and pass the client
  by (EmitManager.enter).
- The follower is further: events in between were fanned out while the client was not in the room.
  Then the join begins where the client entered, and the row says so.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from ordercast.endings import ServiceEnding
from ordercast.errors import NotConnected
from ordercast.joined import MORE, Client, Joined, JoinedRooms, Superseded
from ordercast.live.closing import close
from ordercast.live.connections import Connection
from ordercast.live.emits import EmitManager
from ordercast.live.follower import Follower
from ordercast.live.late import Late
from ordercast.live.late_use import LateUse
from ordercast.live.member import NAMESPACE, Member, State
from ordercast.live.owed import has_events
from ordercast.live.pid import Pids
from ordercast.live.shared_reads import SharedReads

MAX_ROOMS = 200  # that one client joined or left late; with more it is not recovered
KEY_DIGITS = 32


class Joining:
    """Of the namespace `/`. Joining and leaving raise SQLAlchemyError, and then change nothing;
    NotConnected if the client is back on a younger connection."""

    def __init__(
        self, store: JoinedRooms, manager: EmitManager, follower: Follower, pids: Pids
    ) -> None:
        self._store = store
        self._manager = manager
        self._follower = follower
        self._pids = pids
        self._reads = SharedReads(partial(_rows_of, store))
        self._use = LateUse(store)
        self._making = threading.Lock()

    # -- what handlers and background tasks ask for

    def join(self, sid: str, room: str) -> bool:
        """Let a client of this process into the room; False: to be done as in stock."""
        member = self._manager.member(sid, NAMESPACE)
        connection = None if member is None else member.connection
        if member is None or connection is None or member.state is State.LEAVING:
            return False
        is_own = self._manager.member(room, NAMESPACE) is not None  # named like a client's sid
        if is_own or not has_events(room) or room in member.rooms:
            return False
        if connection.arrival is not None:
            # Enter first, then read the position: an event in between counts as before the join,
            # and one that comes later is found when the connect settles.
            self._manager.basic_enter_room(sid, NAMESPACE, room)
            connection.arrival.entered[room] = self._follower.last
            return True
        if not connection.pid or not self._follower.ready.is_set():
            return False  # never recovered; or in a test, without a database
        late = self._late(connection)
        with late.lock:
            if room not in member.rooms:
                self._join(member, connection, late, room)
        return True

    def leave(self, sid: str, room: str) -> bool:
        """Let a client of this process leave the room; False: to be done as in stock."""
        member = self._manager.member(sid, NAMESPACE)
        connection = None if member is None else member.connection
        if member is None or connection is None or member.state is State.LEAVING:
            return False
        if not has_events(room) or room not in member.rooms:
            return False
        if connection.arrival is not None or not connection.pid:
            return False
        if not self._follower.ready.is_set():
            return False
        late = self._late(connection)
        with late.lock:
            if room in member.rooms:
                self._keep_left(connection, late, room)
                self._manager.basic_leave_room(sid, NAMESPACE, room)
        return True

    def close(self, room: str) -> None:
        """Keep that every client has left the room, those that are away as well."""
        if has_events(room) and self._follower.ready.is_set():
            self._store.close(room)
            self.leave_all(room)

    def leave_all(self, room: str) -> None:
        """Let the clients of this process leave a room that is closed in the database."""
        for member in self._manager.members(NAMESPACE, room):
            late = None if member.connection is None else member.connection.late
            if late is not None and late.rooms.get(room):
                late.rooms[room] = False
                self._manager.basic_leave_room(member.sid, NAMESPACE, room)
            else:
                self.leave(member.sid, room)

    # -- what recovery asks for

    def rows(self, pid: str) -> Mapping[str, Joined]:
        """The rows of the client with this pid. Raises SQLAlchemyError."""
        return self._reads.get(_key(pid)) if self._use.is_possible() else {}

    def take_over(self, pid: str, rows: Mapping[str, Joined], rejoined: Mapping[str, int]) -> Late:
        """Let the rows be those of the client's new connection. Raises Superseded if another
        connection of the client was faster; SQLAlchemyError."""
        generation = max(row.generation for row in rows.values())
        client = self._store.take_over(self._client(pid, generation), rejoined)
        return Late(client, {room: row.is_joined or room in rejoined for room, row in rows.items()})

    def _late(self, connection: Connection) -> Late:
        with self._making:
            if connection.late is None:
                connection.keep_late(Late(self._client(connection.pid, 0)))
            assert connection.late is not None
            return connection.late

    def _client(self, pid: str, generation: int) -> Client:
        claim = self._pids.read(pid)
        issued = None if claim is None else claim.issued_at
        return Client(
            _key(pid), None if issued is None else datetime.fromtimestamp(issued, UTC), generation
        )

    def _join(self, member: Member, connection: Connection, late: Late, room: str) -> None:
        client, position = late.client, None
        if self._has_place(connection, late, room):
            self._use.begin()
            with self._unless_superseded(connection):
                position = self._store.join(client, room, from_connect=room in connection.base)
            late.rooms[room] = True
        is_there = self._manager.member(member.sid, NAMESPACE) is member
        if not is_there or member.state is State.LEAVING:
            # The client has left meanwhile, and may be back without this room: it has had no
            # answer to the join. Unless its successor came later, and has taken the row over.
            if position is not None:
                with suppress(Superseded):
                    self._store.leave(client, room, from_connect=room in connection.base)
            return
        since = {room: position or 0}
        last, _ = self._follower.join(lambda seen: self._manager.enter(member, seen, since))
        if position is not None and last > position and self._had_events(room, position, last):
            self._store.move(client, room, last)

    def _had_events(self, room: str, after: int, until: int) -> bool:
        """False only if it is sure."""
        found = self._follower.ring.since(after, until=until, rooms=(room,), limit=1)
        return found is None or bool(found)

    def _keep_left(self, connection: Connection, late: Late, room: str) -> None:
        is_kept = room in late.rooms or room in connection.base
        if is_kept and self._has_place(connection, late, room):
            self._use.begin()
            with self._unless_superseded(connection):
                from_connect = room in connection.base
                self._store.leave(late.client, room, from_connect=from_connect)
            late.rooms[room] = False

    def _has_place(self, connection: Connection, late: Late, room: str) -> bool:
        """Whether one more room of the client is kept. With more than MAX_ROOMS the client is not
        recovered, which is kept as well."""
        if late.is_full or room in late.rooms or len(late.rooms) < MAX_ROOMS:
            return not late.is_full
        left = [
            other
            for other, is_in in late.rooms.items()
            if not is_in and other not in connection.base
        ]
        if left:
            self._store.forget(late.client, left)
            for other in left:
                del late.rooms[other]
            return True
        with self._unless_superseded(connection):
            self._store.join(late.client, MORE, from_connect=False)
        late.rooms[MORE] = True
        return False

    @contextmanager
    def _unless_superseded(self, connection: Connection) -> Iterator[None]:
        try:
            yield
        except Superseded:
            close(connection.session, ServiceEnding.REPLACED)
            raise NotConnected from None


def _rows_of(store: JoinedRooms, keys: Sequence[str]) -> list[Mapping[str, Joined]]:
    found = store.of(keys)
    return [found.get(key, {}) for key in keys]


def _key(pid: str) -> str:
    return sha256(pid.encode()).hexdigest()[:KEY_DIGITS]

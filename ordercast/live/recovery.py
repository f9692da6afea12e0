"""Connection state recovery: a client that comes back gets what it missed, in order, once.

Order matters twice. On the server: join the rooms, let events wait, then read what was missed, so
that an event committed in between waits and is not lost. On the wire: CONNECT, the replay, then the
live events: a cut after any of these packets loses and doubles nothing, because the client's offset
says exactly how far it came.

The connect handler joins rooms as well, so a connect has two steps: `begin` before the handler,
`settle` after it. In between no event of the journal waits: those are missed events.

Either everything that the client is owed is replayed and it keeps its pid (`socket.recovered` is
true), or it gets a new pid and nothing of before, and reads snapshots again. Never a part.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from ordercast.events import EVERYBODY
from ordercast.identity import Identity, MayJoin, rooms_digest
from ordercast.joined import MORE, Joined, Superseded
from ordercast.journal import Journal
from ordercast.live.arrival import Arrival
from ordercast.live.connections import NOBODY, Connection
from ordercast.live.emits import EmitManager
from ordercast.live.follower import Follower
from ordercast.live.joining import Joining
from ordercast.live.member import NAMESPACE, Member
from ordercast.live.missed import UNLIMITED, Missed, Reader
from ordercast.live.outcome import Outcome, Unrecoverable
from ordercast.live.owed import Owed, has_events, owed, spans
from ordercast.live.pid import Claim, Pids, position_of
from ordercast.metrics import RECOVERIES
from ordercast.settings import Settings
from ordercast.transport import ConnectRequest

logger = logging.getLogger(__name__)
DAY_SECONDS = 86_400


class Recovery:
    """`may_join` returns the team's function for rooms that were joined late, if there is one."""

    def __init__(
        self,
        manager: EmitManager,
        follower: Follower,
        journal: Journal,
        joining: Joining,
        pids: Pids,
        *,
        may_join: Callable[[], MayJoin | None],
        settings: Settings,
    ) -> None:
        self._max_events = settings.RECOVERY_MAX_EVENTS or UNLIMITED
        self._max_bytes = settings.RECOVERY_MAX_BYTES
        self._keep_seconds = settings.JOURNAL_KEEP_DAYS * DAY_SECONDS
        self._manager = manager
        self._follower = follower
        self._journal = journal
        self._joining = joining
        self._pids = pids
        self._may_join = may_join
        self._reader = Reader(journal, follower.ring)

    def begin(self, member: Member, connection: Connection) -> None:
        """Let the client into the rooms of its identity. Their events are missed ones until
        settle(), from the position that is kept here."""
        rooms = connection.identity.rooms
        position, journal_name = self._follower.join(
            lambda _: self._manager.enter_with_backlog(member, rooms)
        )
        connection.begin(Arrival(position, journal_name))

    def settle(self, member: Member, connection: Connection, request: ConnectRequest) -> None:
        """The connect handler has joined its rooms: give the connection its pid and what it missed.
        Events of all its rooms wait from now on."""
        arrival = connection.arrival
        assert arrival is not None
        auth = request.auth if isinstance(request.auth, dict) else {}
        is_recovered = "pid" in auth and self._is_resumed(member, connection, arrival, request)
        if not is_recovered:
            self._start_anew(member, connection, arrival, auth.get("offset"))

    # -- a client that comes back

    def _is_resumed(
        self, member: Member, connection: Connection, arrival: Arrival, request: ConnectRequest
    ) -> bool:
        try:
            self._resume(member, connection, arrival, request)
        except Unrecoverable as exc:
            RECOVERIES.labels(exc.outcome).inc()
            extra = {"user": connection.identity.user_id, "sid": connection.sid}
            logger.info("not recovered", extra={**extra, "reason": exc.outcome})
            connection.keep_late(None)
            return False
        return True

    def _resume(
        self, member: Member, connection: Connection, arrival: Arrival, request: ConnectRequest
    ) -> None:
        """Enter the rooms that were joined late, and settle the connection with what the client
        missed."""
        pid = request.auth["pid"]
        then = self._pids.read(pid)
        if then is None:
            raise Unrecoverable(Outcome.BAD_PID)
        after = self._resume_point(connection, then, request.auth.get("offset"))
        self._check_position(then, after)
        if then.journal != arrival.journal:
            raise Unrecoverable(Outcome.ANOTHER_JOURNAL)
        entered = _entered(member, arrival)
        while True:
            rows = self._joining.rows(pid)
            if MORE in rows:
                raise Unrecoverable(Outcome.TOO_MANY_ROOMS)
            found = owed(entered, rows, after)
            if not _has_rooms(connection.identity, then, found.signed):
                raise Unrecoverable(Outcome.ANOTHER_ROLE)
            self._ask(connection, found.late, request)
            if not rows or self._is_taken_over(connection, pid, rows, found):
                break
        self._settle_at(member, arrival, found.since, after)
        try:
            missed = self._missed_since(then, after, found, arrival)
        except Unrecoverable:
            # A client that starts anew is in the rooms of this connect alone.
            for room in found.late:
                self._manager.basic_leave_room(member.sid, NAMESPACE, room)
            raise
        base = _shared(found.signed, member)
        connection.settle(
            pid, base=base, missed=missed, recovered=True, offset=after, since=found.since
        )

    def _missed_since(self, then: Claim, after: int, found: Owed, arrival: Arrival) -> Missed:
        if then.journal != arrival.journal:
            raise Unrecoverable(Outcome.ANOTHER_JOURNAL)
        missed = self._missed({EVERYBODY: after, **found.since}, arrival)
        # Another handler may have let the client into a room since its rooms were read: neither the
        # pid nor a row has that room.
        if not arrival.entered.keys() <= found.since.keys():
            raise Unrecoverable(Outcome.LATE_ROOM)
        return missed

    def _resume_point(self, connection: Connection, then: Claim, offset: object) -> int:
        """The position up to which the client has everything."""
        if then.user_id != _user_of(connection.identity):
            raise Unrecoverable(Outcome.ANOTHER_USER)
        age = 0.0 if then.issued_at is None else time.time() - then.issued_at
        if self._keep_seconds and age > self._keep_seconds:
            raise Unrecoverable(Outcome.TOO_OLD)  # the rooms that it joined late may be pruned
        if offset is None:
            return then.position  # the client has seen no event yet
        number = position_of(offset)
        if number is None:
            raise Unrecoverable(Outcome.BAD_OFFSET)
        # A client keeps its offset through a connect that was not recovered: what came before
        # this pid it has read as a snapshot, and what seems to come after is of another journal.
        if number == then.stale:
            raise Unrecoverable(Outcome.STALE_OFFSET)
        return max(number, then.position)

    def _check_position(self, then: Claim, after: int) -> None:
        """The client comes from a process that was further than this one, or made the offset up.
        Check before its events wait: events up to its offset will not."""
        if after <= self._follower.last:
            return
        head = self._journal.head()
        if head.journal == then.journal and after > head.position:
            if then.position > head.position:
                # Signed here: the position was given, and the database has lost it.
                self._journal.restart(then.journal, then.position)
                self._follower.read_soon()
                raise Unrecoverable(Outcome.ANOTHER_JOURNAL)
            raise Unrecoverable(Outcome.BAD_OFFSET)

    def _ask(self, connection: Connection, rooms: list[str], request: ConnectRequest) -> None:
        """Ask the team whether the client may still be in rooms that it joined late."""
        may_join = self._may_join()
        for room in rooms:
            try:
                is_allowed = (
                    connection.identity is not NOBODY
                    if may_join is None
                    else may_join(room, request.auth, request.environ)
                )
            except Exception:
                logger.exception("may_join failed", extra={"sid": connection.sid, "room": room})
                is_allowed = False
            if not is_allowed:
                raise Unrecoverable(Outcome.LATE_ROOM)

    def _is_taken_over(
        self, connection: Connection, pid: str, rows: Mapping[str, Joined], found: Owed
    ) -> bool:
        """False: the client connects twice at once, and the other connection was faster."""
        try:
            connection.keep_late(self._joining.take_over(pid, rows, found.rejoined))
        except Superseded:
            return False
        return True

    # -- a new start

    def _start_anew(
        self, member: Member, connection: Connection, arrival: Arrival, offset: object
    ) -> None:
        self._settle_at(member, arrival, {}, 0)
        entered, position = _entered(member, arrival), arrival.position
        since, missed = {EVERYBODY: position, **entered}, None
        if spans(since, arrival.until):
            try:
                missed = self._missed(since, arrival)
            except Unrecoverable:
                position = arrival.until  # the client reads snapshots after this
        entered = _entered(member, arrival)  # with those that other handlers entered meanwhile
        kept = position_of(offset)
        claim = Claim(
            _user_of(connection.identity),
            rooms_digest([*entered]),
            position,
            arrival.journal,
            stale=kept if kept is not None and kept > position else None,
            issued_at=int(time.time()),
        )
        connection.settle(
            self._pids.sign(claim),
            base=_shared(entered, member),
            missed=missed,
            recovered=False,
            offset=position,
            since=entered,
        )

    # -- both

    def _settle_at(
        self, member: Member, arrival: Arrival, since: Mapping[str, int], after: int
    ) -> None:
        """Let the events of the client's rooms, and of those in `since`, wait from now on. A second
        attempt goes on from the first."""
        if arrival.is_settled:
            return
        until, journal_name = self._follower.join(
            lambda seen: self._manager.settle(member, seen, since), after
        )
        arrival.settle(until, journal_name)

    def _missed(self, since: Mapping[str, int], arrival: Arrival) -> Missed:
        return Missed(
            self._reader,
            spans(since, arrival.until),
            until=arrival.until,
            journal_name=arrival.journal,
            max_events=self._max_events,
            max_bytes=self._max_bytes,
        )


def _entered(member: Member, arrival: Arrival) -> dict[str, int]:
    """The client's rooms, and the position at which each was entered."""
    return {
        room: arrival.entered.get(room, arrival.position)
        for room in member.rooms
        if has_events(room)
    }


def _shared(rooms: Collection[str], member: Member) -> Sequence[str]:
    """The rooms; the same object as the member's if these are the same."""
    return member.rooms if {*rooms} == {*member.rooms} else tuple(rooms)


def _user_of(identity: Identity) -> str | None:
    return None if identity is NOBODY else identity.user_id


def _has_rooms(identity: Identity, then: Claim, rooms: Sequence[str]) -> bool:
    """Whether these are the rooms that the pid was signed for. Earlier releases signed the
    token's `role` claim in their place."""
    if then.rooms == rooms_digest(rooms):
        return True
    return then.rooms == identity.claims.get("role") and {*rooms} == {*identity.rooms}

"""Connection state recovery: a client that comes back gets what it missed, in order, once.

Order matters twice. On the server: join the rooms and let live events wait, then read what was
missed, so that an event committed in between waits and is not lost. On the wire: CONNECT, the
replay, then the live events: a cut after any of these packets loses and doubles nothing, because
the client's offset says exactly how far it came.

Either everything after the client's offset is replayed and the client keeps its pid
(`socket.recovered` is true), or it gets a new pid and no event, and reads snapshots again. Never a
part.
"""

import logging
from functools import cached_property, partial
from typing import Any

from flask import Flask

from ordercast.events import EVERYBODY
from ordercast.identity import Identity, rooms_digest
from ordercast.journal import Journal
from ordercast.live.connections import Connection
from ordercast.live.follower import Follower
from ordercast.live.member import Member
from ordercast.live.missed import UNLIMITED, Missed, Reader
from ordercast.live.outcome import Outcome, Unrecoverable
from ordercast.live.pid import Claim, Pids, signing_key
from ordercast.live.rooms import RoomManager
from ordercast.metrics import RECOVERIES
from ordercast.settings import Settings

logger = logging.getLogger(__name__)
MAX_DIGITS = 19  # of a position


class Recovery:
    def __init__(
        self,
        app: Flask,
        manager: RoomManager,
        follower: Follower,
        journal: Journal,
        *,
        settings: Settings,
    ) -> None:
        self._app = app
        self._secret = settings.JWT_SECRET_KEY
        self._limit = settings.RECOVERY_MAX_EVENTS or UNLIMITED
        self._max_bytes = settings.RECOVERY_MAX_BYTES
        self._manager = manager
        self._follower = follower
        self._journal = journal
        self._reader = Reader(journal, follower.ring)

    @cached_property
    def _pids(self) -> Pids:
        # Flask's key may be set after `init_app`, and a process's own must not outlive a fork.
        return Pids(signing_key(self._secret, self._app))

    def enter_rooms(self, member: Member, connection: Connection, auth: dict[str, Any]) -> None:
        """Let the client into its rooms, whose events wait from now on. `connection` gets its pid,
        and what the client missed if it sent a pid and can be recovered."""
        offset = auth.get("offset")
        if "pid" in auth:
            try:
                self._resume(member, connection, self._pids.read(auth["pid"]), offset)
            except Unrecoverable as exc:
                RECOVERIES.labels(exc.outcome).inc()
                extra = {"user": connection.identity.user_id, "sid": connection.sid}
                logger.info("not recovered", extra={**extra, "reason": exc.outcome})
            else:
                connection.recovered, connection.pid = True, auth["pid"]
                return
        connection.pid = self._start_anew(member, connection.identity, offset)

    def _start_anew(self, member: Member, identity: Identity, offset: object) -> str:
        # Join anew: events that waited since an attempt to recover are older than the new pid.
        position, journal_name = self._join(member, identity)
        kept = _number(offset)
        stale = kept if kept is not None and kept > position else None
        rooms = rooms_digest(identity.rooms)
        claim = Claim(identity.user_id, rooms, position, journal_name, stale)
        return self._pids.sign(claim)

    def _join(self, member: Member, identity: Identity, after: int = 0) -> tuple[int, str]:
        return self._follower.join(
            partial(self._manager.enter_with_backlog, member, identity.rooms), after
        )

    def _resume(
        self, member: Member, connection: Connection, then: Claim | None, offset: object
    ) -> None:
        """Enter the rooms, and set what the client missed."""
        if then is None:
            raise Unrecoverable(Outcome.BAD_PID)
        after = self._resume_point(connection, then, offset)
        if after > self._follower.last:
            # The client comes from a process that was further than this one, or made the offset up.
            # Check before it joins: from then on events up to its offset are skipped.
            head = self._journal.head()
            if head.journal == then.journal and after > head.position:
                if then.position > head.position:
                    # Signed here: the position was given, and the database has lost it.
                    self._journal.restart(then.journal, then.position)
                    self._follower.read_soon()
                    raise Unrecoverable(Outcome.ANOTHER_JOURNAL)
                raise Unrecoverable(Outcome.BAD_OFFSET)
        until, journal_name = self._join(member, connection.identity, after)
        if then.journal != journal_name:
            raise Unrecoverable(Outcome.ANOTHER_JOURNAL)
        connection.missed = self._missed(connection, after, until, journal_name)

    def _resume_point(self, connection: Connection, then: Claim, offset: object) -> int:
        """The position up to which the client has everything."""
        if then.user_id != connection.identity.user_id:
            raise Unrecoverable(Outcome.ANOTHER_USER)
        if not _has_rooms(connection.identity, then):
            raise Unrecoverable(Outcome.ANOTHER_ROLE)
        if offset is None:
            return then.position  # the client has seen no event yet
        number = _number(offset)
        if number is None:
            raise Unrecoverable(Outcome.BAD_OFFSET)
        # A client keeps its offset through a connect that was not recovered: what came before
        # this pid it has read as a snapshot, and what seems to come after is of another journal.
        if number == then.stale:
            raise Unrecoverable(Outcome.STALE_OFFSET)
        return max(number, then.position)

    def _missed(self, connection: Connection, after: int, until: int, journal_name: str) -> Missed:
        """The rooms' events with after < position <= until, measured before they are read."""
        rooms, limit = (*connection.identity.rooms, EVERYBODY), self._limit + 1
        source = Outcome.MEMORY
        entries = self._follower.ring.since(after, until=until, rooms=rooms, limit=limit)
        if entries is not None:
            sizes = [(entry.position, len(entry.data.encode())) for entry in entries]
        else:
            source = Outcome.JOURNAL
            if after < self._journal.head().lowest - 1:
                raise Unrecoverable(Outcome.TOO_OLD)
            sizes = self._journal.sizes(after, until=until, rooms=rooms, limit=limit)
        if len(sizes) > self._limit:
            raise Unrecoverable(Outcome.TOO_MANY)
        if self._max_bytes and sum(size for _, size in sizes) > self._max_bytes:
            raise Unrecoverable(Outcome.TOO_LARGE)
        return Missed(
            self._reader,
            sizes,
            after=after,
            until=until,
            rooms=rooms,
            journal_name=journal_name,
            source=source,
        )


def _has_rooms(identity: Identity, then: Claim) -> bool:
    """Whether these are the rooms that the pid was signed for. Earlier releases signed the
    token's `role` claim in their place."""
    return then.rooms == rooms_digest(identity.rooms) or then.rooms == identity.claims.get("role")


def _number(offset: object) -> int | None:
    """The position that an offset says; None if it says none."""
    if not (isinstance(offset, str) and offset.isascii() and offset.isdigit()):
        return None
    return int(offset) if len(offset) <= MAX_DIGITS else None

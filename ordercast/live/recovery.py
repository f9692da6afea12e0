"""Connection state recovery: a client that comes back gets what it missed, in order, once.

Order matters twice. On the server: join the rooms and hold live events, then look up what was
missed, so that an event committed in between is held and not lost. On the wire: CONNECT, the
replay, then the live events: a cut after any of these packets loses and doubles nothing, because
the client's offset says exactly how far it came.

Either everything after the client's offset is replayed and it keeps its pid (`socket.recovered` is
true), or it gets a new pid and nothing, and reads snapshots again. Never a part.
"""

import logging
from typing import Any

from flask import Flask

from app.db import MAX_ID, release
from ordercast import journal
from ordercast.identity import Identity, rooms_digest
from ordercast.journal import Head
from ordercast.live.connections import Connection, Connections
from ordercast.live.follower import Follower
from ordercast.live.missed import UNLIMITED, Lost, Missed, Reader
from ordercast.live.pid import Claim, Pids
from ordercast.metrics import RECOVERIES
from ordercast.settings import Settings

logger = logging.getLogger(__name__)


class Unrecoverable(Exception):
    """The client starts anew; the argument says why, for the log and the counter."""


class Recovery:
    def __init__(self, app: Flask, follower: Follower, connections: Connections) -> None:
        settings: Settings = app.config["SETTINGS"]
        self._pids = Pids(settings.JWT_SECRET_KEY or str(app.secret_key))
        self._limit = settings.RECOVERY_MAX_EVENTS or UNLIMITED
        self._max_bytes = settings.RECOVERY_MAX_BYTES
        self._follower = follower
        self._reader = Reader(app, follower.ring)
        self._connections = connections

    def prepare(self, connection: Connection, auth: dict[str, Any]) -> Connection | None:
        """The token is verified: hold the connection's events and find what it missed.

        Sets `pid` and `missed`. Returns the older one of two connections of the same
        client, if there are two, to be closed: usually the half-open one that it had before.
        """
        offset = auth.get("offset")
        if "pid" in auth:
            try:
                self._resume(connection, self._pids.read(auth["pid"]), offset)
            except Unrecoverable as exc:
                RECOVERIES.labels(str(exc)).inc()
                logger.info(
                    "not recovered",
                    extra={
                        "user": connection.identity.user_id,
                        "sid": connection.sid,
                        "reason": str(exc),
                    },
                )
            else:
                connection.recovered = True
                return self._connections.name(connection, auth["pid"])
        self._start_anew(connection, offset)
        return None

    def _start_anew(self, connection: Connection, offset: object) -> None:
        # What was held since an attempt to recover is older than the new pid.
        position, journal_name = self._follower.join(connection)
        identity = connection.identity
        kept = _number(offset)
        stale = kept if kept is not None and kept > position else None
        rooms = rooms_digest(identity.rooms)
        claim = Claim(identity.user_id, rooms, position, journal_name, stale)
        self._connections.name(connection, self._pids.sign(claim))

    def _resume(self, connection: Connection, then: Claim | None, offset: object) -> None:
        """Hold the connection's events, and set what it missed."""
        if then is None:
            raise Unrecoverable("bad_pid")
        after = self._resume_point(connection, then, offset)
        if after > self._follower.last:
            # It comes from a process that was further than this one is; or it made that up. Asked
            # before it joins: until then nothing is skipped on its word.
            head = _head()
            if head.journal == then.journal and after > head.position:
                if then.position > head.position:
                    # Signed here: the position was given, and the database has lost it.
                    journal.restart(then.journal, then.position)
                    self._follower.look()
                    raise Unrecoverable("another_journal")
                raise Unrecoverable("bad_offset")
        until, journal_name = self._follower.join(connection, after)
        if then.journal != journal_name:
            raise Unrecoverable("another_journal")
        connection.missed = self._missed(connection, after, until, journal_name)

    def _resume_point(self, connection: Connection, then: Claim, offset: object) -> int:
        """The position up to which the client has everything."""
        if then.user_id != connection.identity.user_id:
            raise Unrecoverable("another_user")
        if not _has_rooms(connection.identity, then):
            raise Unrecoverable("another_role")  # it has no snapshot of what its new rooms hold
        if offset is None:
            return then.position  # it has not seen an event yet
        number = _number(offset)
        if number is None:
            raise Unrecoverable("bad_offset")
        # A client keeps its offset through a connect that was not recovered: what came before
        # this pid it has read as a snapshot, and what seems to come after is of another journal.
        if number == then.stale:
            raise Unrecoverable("stale_offset")
        return max(number, then.position)

    def _missed(self, connection: Connection, after: int, until: int, journal_name: str) -> Missed:
        """What the rooms got with after < position <= until. It is weighed before it is read."""
        rooms, limit = connection.identity.rooms, self._limit + 1
        source = "memory"
        entries = self._follower.ring.since(after, until=until, rooms=rooms, limit=limit)
        if entries is not None:
            sizes = [(entry.position, len(entry.data.encode())) for entry in entries]
        else:
            source = "journal"
            if after < _head().lowest - 1:
                raise Unrecoverable("too_old")
            sizes = journal.sizes(after, until=until, rooms=rooms, limit=limit)
        if len(sizes) > self._limit:
            raise Unrecoverable("too_many")
        if self._max_bytes and sum(size for _, size in sizes) > self._max_bytes:
            raise Unrecoverable("too_large")
        try:
            return Missed(
                self._reader,
                sizes,
                after=after,
                until=until,
                rooms=rooms,
                journal_name=journal_name,
                source=source,
            )
        except Lost as exc:
            raise Unrecoverable(str(exc)) from exc


def _has_rooms(identity: Identity, then: Claim) -> bool:
    """Whether these are the rooms that the pid was signed for. Earlier releases signed the
    token's `role` claim in their place."""
    return then.rooms == rooms_digest(identity.rooms) or then.rooms == identity.claims.get("role")


def _number(offset: object) -> int | None:
    """The position that an offset says; None if it says none."""
    if not (isinstance(offset, str) and offset.isascii() and offset.isdigit()):
        return None
    return int(offset) if len(offset) <= len(str(MAX_ID)) else None


def _head() -> Head:
    """The head as it is now: on SQLite an earlier read of this connect would hide what came since,
    because a transaction goes on seeing the past."""
    release()
    head: Head = journal.head()
    return head

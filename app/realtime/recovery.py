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

from app import journal
from app.config import Settings
from app.db import MAX_ID
from app.journal import Entry
from app.metrics import RECOVERIES
from app.realtime.connections import Connection, Connections
from app.realtime.follower import Follower
from app.realtime.pid import Claim, Pids

logger = logging.getLogger(__name__)
UNLIMITED = 2**31 - 1


class Unrecoverable(Exception):
    """The client starts anew; the argument says why, for the log and the counter."""


class Recovery:
    def __init__(self, app: Flask, follower: Follower, connections: Connections) -> None:
        settings: Settings = app.config["SETTINGS"]
        self._pids = Pids(settings.JWT_SECRET_KEY)
        self._limit = settings.RECOVERY_MAX_EVENTS or UNLIMITED
        self._follower = follower
        self._connections = connections

    def prepare(self, connection: Connection, auth: dict[str, Any]) -> Connection | None:
        """The token is verified: hold the connection's events and find what it missed.

        Sets `pid`, `replay` and `seen`. Returns the predecessor, still registered, if there is one:
        the half-open connection of the same client, to be closed.
        """
        until, journal_name = self._follower.join(connection)
        claim = Claim(connection.identity.user_id, until, journal_name)
        if "pid" not in auth:
            self._start_anew(connection, claim)
            return None
        try:
            after = self._resume_point(auth, claim)
            connection.replay, source = self._missed(connection, after, until)
        except Unrecoverable as exc:
            RECOVERIES.labels(str(exc)).inc()
            logger.info(
                "not recovered",
                extra={"user": claim.user_id, "sid": connection.sid, "reason": str(exc)},
            )
            self._start_anew(connection, claim)
            return None
        RECOVERIES.labels(source).inc()
        connection.seen = max(after, until)
        connection.recovered = True
        return self._connections.name(connection, auth["pid"])

    def _start_anew(self, connection: Connection, claim: Claim) -> None:
        connection.seen = claim.position
        self._connections.name(connection, self._pids.sign(claim))

    def _resume_point(self, auth: dict[str, Any], now: Claim) -> int:
        """The position up to which the client has everything."""
        then = self._pids.read(auth["pid"])
        if then is None:
            raise Unrecoverable("bad_pid")
        if then.user_id != now.user_id:
            raise Unrecoverable("another_user")
        if then.journal != now.journal:
            raise Unrecoverable("another_journal")
        offset = auth.get("offset")
        if offset is None:
            return then.position  # it has not seen an event yet
        if not (isinstance(offset, str) and offset.isascii() and offset.isdigit()):
            raise Unrecoverable("bad_offset")
        if len(offset) > len(str(MAX_ID)):
            raise Unrecoverable("bad_offset")
        # A client keeps its offset through a connect that was not recovered: what came before
        # this pid it has read as a snapshot.
        return max(int(offset), then.position)

    def _missed(self, connection: Connection, after: int, until: int) -> tuple[list[Entry], str]:
        """What the rooms got with after < position <= until, and where it was found."""
        if after > until:
            # It comes from a process that was further than this one is; or it made that up.
            if after > journal.head().position:
                raise Unrecoverable("bad_offset")
            return [], "memory"
        rooms = connection.identity.rooms
        limit = self._limit + 1
        source = "memory"
        entries = self._follower.ring.since(after, until=until, rooms=rooms, limit=limit)
        if entries is None:
            source = "journal"
            if after < journal.head().lowest - 1:
                raise Unrecoverable("too_old")
            entries = journal.since(after, until=until, rooms=rooms, limit=limit)
            # Pruned while it was being read: then the first ones may be gone.
            if after < journal.head().lowest - 1:
                raise Unrecoverable("too_old")
        if len(entries) > self._limit:
            raise Unrecoverable("too_many")
        return entries, source

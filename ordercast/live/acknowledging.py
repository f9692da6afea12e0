"""Acknowledgements: a client says up to which offset it has applied events. For the ledger alone:
nothing is delivered or left out by them, and a client that never sends one misses nothing."""

import logging
from typing import Any

from ordercast.errors import BadOffset, NotConnected, SocketError
from ordercast.journal import Clock
from ordercast.live.follower import Follower
from ordercast.live.member import NAMESPACE
from ordercast.live.pid import position_of
from ordercast.live.rooms import RoomManager

logger = logging.getLogger(__name__)
ACKNOWLEDGE = "ordercast:ack"  # the event; the prefix is not a team's


class Acknowledging:
    def __init__(self, manager: RoomManager, follower: Follower, clock: Clock) -> None:
        self._manager = manager
        self._follower = follower
        self._clock = clock

    def receive(self, sid: str, offset: object = None, *_: object) -> dict[str, Any]:
        """`ordercast:ack` offset -> {ok: true}, or {ok: false, error: {code, message}}, for a
        client that asks for an answer: bad_offset or not_connected."""
        try:
            self._note(sid, offset)
        except SocketError as exc:
            logger.debug("acknowledgement refused", extra={"sid": sid, "code": exc.code})
            return {"ok": False, "error": {"code": exc.code, "message": exc.told}}
        return {"ok": True}

    def _note(self, sid: str, offset: object) -> None:
        member = self._manager.member(sid, NAMESPACE)
        connection = None if member is None else member.connection
        if connection is None:
            raise NotConnected
        position = position_of(offset)
        if position is None or position > max(self._follower.last, connection.offset):
            raise BadOffset
        known = connection.acknowledged
        if known is None or position > known[0]:
            connection.acknowledge(position, self._clock.now())

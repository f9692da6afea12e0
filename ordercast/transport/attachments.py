"""Messages of Socket.IO whose attachments are on their way: bounded in bytes, and in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from socketio.packet import Packet

from ordercast.transport.packets import MalformedPacket, TooLarge

if TYPE_CHECKING:
    from ordercast.transport.timers import Timers

ATTACHMENT_SECONDS = 20.0  # from a message to the last of its attachments


class Half:
    """A message that lacks attachments."""

    __slots__ = ("due", "packet", "size")

    def __init__(self, packet: Packet, size: int) -> None:
        self.packet = packet
        self.size = size  # bytes that came
        self.due = time.monotonic() + ATTACHMENT_SECONDS

    def grow(self, size: int) -> int:
        """More bytes came -> how many in all."""
        self.size += size
        return self.size


class Attachments:
    """The unfinished messages of all clients, by Engine.IO sid. `expired` is called with the sid of
    a client whose attachments did not come in time."""

    def __init__(
        self, timers: Timers, *, max_message_bytes: int, expired: Callable[[str], None]
    ) -> None:
        self._timers = timers
        self._max = max_message_bytes
        self._expired = expired
        self._halves: dict[str, Half] = {}  # the oldest first
        self._armed = False  # a deadline is set

    def __contains__(self, eio_sid: str) -> bool:
        return eio_sid in self._halves

    def expect(self, eio_sid: str, packet: Packet, size: int) -> None:
        """Take the client's next messages for the attachments of this one."""
        self._halves[eio_sid] = Half(packet, size)
        self._arm()

    def add(self, eio_sid: str, data: str | bytes) -> Packet | None:
        """An attachment -> the message, if it is whole now. Raises MalformedPacket."""
        if isinstance(data, str):
            raise MalformedPacket("a text in the place of an attachment")
        half = self._halves[eio_sid]
        if half.grow(len(data)) > self._max > 0:
            raise TooLarge(f"Message over {self._max} bytes with its attachments")
        if not half.packet.add_attachment(data):
            return None
        del self._halves[eio_sid]
        return half.packet

    def discard(self, eio_sid: str) -> None:
        """Forget a client that is gone."""
        self._halves.pop(eio_sid, None)

    def _arm(self) -> None:
        if self._halves and not self._armed:
            self._armed = True
            due = next(iter(self._halves.values())).due
            self._timers.after(max(0.0, due - time.monotonic()), Attachments._expire, self)

    def _expire(self) -> None:
        self._armed = False
        now = time.monotonic()
        for eio_sid, half in list(self._halves.items()):
            if half.due > now:
                break
            del self._halves[eio_sid]
            self._expired(eio_sid)
        self._arm()

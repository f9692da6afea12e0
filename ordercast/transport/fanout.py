"""The same packets to many sessions: everything that a full room costs is in this loop.

What `Session.send` does, without two calls for each of those, nearly all, whose kernel takes the
frame at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ordercast.transport.packets import Packet
    from ordercast.transport.session import Session


def send_all(sessions: Sequence[Session], packets: Sequence[Packet]) -> None:
    """Send them to each, or keep them; a client for whom too much waits is closed."""
    for packet in packets:
        frame = packet.frame
        size = len(frame)
        for session in sessions:
            websocket = session.websocket
            if (
                websocket is None
                or (socket := websocket.direct) is None
                or session.held is not None
            ):
                session.send(packet)
                continue
            try:
                sent = socket.send(frame)
            except OSError:
                sent = 0  # that it must wait, or that the client is gone: found out again below
            if sent < size:
                session.send_rest(frame, sent)


def send_piece(session: Session, packets: Sequence[Packet], taken: Callable[[], None]) -> bool:
    """Session.send_piece, to one session."""
    return session.send_piece(packets, taken)

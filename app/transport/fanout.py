"""One packet to many sessions: everything that a full room costs is in this loop.

What `Session.send` does, without two calls for each of those, nearly all, whose kernel takes the
frame at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.transport.packets import Packet
    from app.transport.session import Session


def send_all(sessions: Iterable[Session], packet: Packet) -> None:
    """Send it to each, or keep it; a client for whom too much waits is closed."""
    frame = packet.frame
    size = len(frame)
    for session in sessions:
        websocket = session.websocket
        if websocket is None or (socket := websocket.direct) is None or session.held is not None:
            session.send(packet)
            continue
        try:
            sent = socket.send(frame)
        except OSError:
            sent = 0  # that it must wait, or that the client is gone: found out again below
        if sent < size:
            session.send_rest(frame, sent)

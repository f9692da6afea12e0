"""Fan-out: the same packets to many sessions.

The loop does what `Session.send` does, without two calls for each session, where the kernel takes
the frame at once: nearly always.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ordercast.transport.packets import Packet
    from ordercast.transport.session import Session


def send_all(sessions: Sequence[Session], packets: Sequence[Packet]) -> None:
    """Send the packets to each session, or keep them; a session ends when too much waits for it."""
    for packet in packets:
        frame = packet.frame
        size = len(frame)
        for session in sessions:
            websocket = session.websocket
            if websocket is None or (socket := websocket.direct) is None:
                session.send(packet)
                continue
            try:
                sent = socket.send(frame)
            except OSError:
                sent = 0  # a full buffer, or a client that is gone: `send_rest` meets that again
            if sent < size:
                session.send_rest(frame, sent)


def send_piece(session: Session, packets: Sequence[Packet], taken: Callable[[], None]) -> bool:
    """Session.send_piece, as a function."""
    return session.send_piece(packets, taken)

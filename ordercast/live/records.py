"""What the ledger is told of a connection of this process."""

from datetime import datetime
from hashlib import sha256

from ordercast.ledger import ConnectionRecord, Ended, RoomSpan
from ordercast.live.connections import NOBODY, Connection
from ordercast.live.counting import transport_of
from ordercast.live.member import Member
from ordercast.live.owed import has_events
from ordercast.transport.session import Session

CLIENT_DIGITS = 16
MAX_ROOMS = 200  # of one client
LEFT = "left"  # the ending of a client whose session stays open


def state_of(connection: Connection) -> int:
    """A number for what changes without a word: the transport, the replay, and about how much waits
    for the client."""
    session = connection.session
    waiting: int = session.backlog_bytes if isinstance(session, Session) else 0
    return waiting.bit_length() << 2 | (connection.missed is not None) << 1 | bool(session.upgraded)


def record_of(
    member: Member,
    connection: Connection,
    process: str,
    since: datetime,
    ended: Ended | None = None,
) -> ConnectionRecord:
    """The record of a client that was let in."""
    session, identity, spans = connection.session, connection.identity, connection.spans
    is_ours = isinstance(session, Session)
    acknowledged, at = connection.acknowledged or (None, None)
    now = [room for room in member.rooms if has_events(room)]
    rooms = {room: RoomSpan(connection.offset) for room in now[:MAX_ROOMS]}
    for room, span in spans.items() if spans else ():
        if has_events(room) and (room in rooms or len(rooms) < MAX_ROOMS):
            rooms[room] = RoomSpan(*span)
    in_rooms = len({*now, *filter(has_events, spans or ())})
    return ConnectionRecord(
        sid=member.sid,
        process=process,
        user_id=None if identity is NOBODY else identity.user_id,
        address=session.address if is_ours else "",
        transport=transport_of(session),
        since=since,
        client=sha256(connection.pid.encode()).hexdigest()[:CLIENT_DIGITS],
        offset=connection.offset,
        is_recovered=connection.recovered,
        is_replaying=connection.missed is not None,
        rooms=rooms,
        more_rooms=in_rooms - len(rooms),
        backlog_bytes=session.backlog_bytes if is_ours else 0,
        acknowledged=acknowledged,
        acknowledged_at=at,
        ended=ended,
    )


def ending_of(connection: Connection) -> str:
    """The name of docs/protocol.md under which the client's session ended."""
    session = connection.session
    is_over = isinstance(session, Session) and session.ending is not None
    return session.ending.name.lower() if is_over else LEFT

"""How connections end: `ENDINGS` has the transport's own endings and those that the service adds.
docs/protocol.md has the same table. `label` is the label of
`ordercast_connections_closed_total` under which an ending is counted."""

from ordercast.transport.endings import (
    CloseCode,
    Ending,
    Reason,
    Told,
    TransportEnding,
    Way,
)

__all__ = ["ENDINGS", "CloseCode", "Ending", "Reason", "ServiceEnding", "Told", "TransportEnding"]


class ServiceEnding(Ending):
    DISMISSED = Way(
        "You are logged out, revoked or disconnected by command. `41` comes first: stay away until"
        " there is a new login.",
        Reason.SERVER_DISCONNECT,
        comes_back=False,
    )
    TOKEN_EXPIRED = Way(
        "Your token has expired, and `TOKEN_GRACE` after it is over: come back with another token.",
        Reason.SERVER_DISCONNECT,
        label="expired",
    )
    TOKEN_OUTDATED = Way(
        "Your token is older than a change of what it says of you: come back with another.",
        Reason.SERVER_DISCONNECT,
    )
    REPLACED = Way(
        "You are back with the same pid on another connection.",
        Reason.SERVER_DISCONNECT,
        told=Told.NEVER,
    )
    SLOW_REPLAY = Way(
        "You read what you missed so slowly that more than `MAX_BACKLOG_BYTES` of live events"
        " wait.",
        Reason.TRANSPORT_ERROR,
        label="slow",
    )
    HELD_TOO_MUCH = Way(
        "More than `MAX_BACKLOG_BYTES` of events came while your token was verified.",
        Reason.SERVER_DISCONNECT,
    )
    REPLAY_BROKEN = Way(
        "What you missed cannot be read now, as when the database is unavailable.",
        Reason.SERVER_DISCONNECT,
    )
    JOURNAL_REPLACED = Way(
        "The database was replaced by an older copy: you are not recovered when you come back.",
        Reason.SERVER_DISCONNECT,
    )


ENDINGS: tuple[Ending, ...] = (*ServiceEnding, *TransportEnding)

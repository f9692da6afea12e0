"""How a session ends. Every place that ends a session names one of these endings, and the ending
says the rest: what the disconnect handlers are told, what the client is told, and whether the stock
client comes back by itself.

`Ending` is the type, `TransportEnding` has the endings of this package. The layer above declares
endings of its own as another subclass of `Ending`.
"""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum
from typing import Any, NamedTuple


class CloseCode(IntEnum):
    """The WebSocket close codes that this server sends: RFC 6455 section 7.4.1, and the last as
    registered with IANA."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    TOO_LARGE = 1009
    INTERNAL_ERROR = 1011
    TRY_AGAIN_LATER = 1013


class Reason(StrEnum):
    """The reasons that disconnect handlers are told: python-engineio's, and one more."""

    SERVER_DISCONNECT = "server disconnect"
    CLIENT_DISCONNECT = "client disconnect"
    PING_TIMEOUT = "ping timeout"
    TRANSPORT_CLOSE = "transport close"
    TRANSPORT_ERROR = "transport error"
    SHUTTING_DOWN = "server shutting down"


class Told(Enum):
    """Whether the client is told of the end, by Engine.IO's CLOSE and a WebSocket's close code,
    after all that was sent to it before."""

    ALWAYS = "always"
    ON_WEBSOCKET = "on a WebSocket"  # long-polling: the next request is answered with 400
    NEVER = "never"  # the other end is gone, broken, or closing by itself


class Way(NamedTuple):
    """The fields of an `Ending`."""

    meaning: str  # for docs/protocol.md
    reason: Reason
    code: CloseCode = CloseCode.NORMAL  # on a WebSocket, if the client is told
    text: str = ""  # sent with the code
    told: Told = Told.ALWAYS
    comes_back: bool = True  # the stock client, by itself
    label: str = ""  # of ordercast_connections_closed_total; "": not counted there


class Ending(Enum):
    """An enum without members: each of a subclass is declared as a `Way`."""

    def __init__(self, *way: Any) -> None:
        (
            self.meaning,
            self.reason,
            self.code,
            self.text,
            self.told,
            self.comes_back,
            self.label,
        ) = Way(*way)

    def is_told(self, *, on_websocket: bool) -> bool:
        """Whether the client is told, over the transport that it has."""
        return self.told is Told.ALWAYS or (self.told is Told.ON_WEBSOCKET and on_websocket)


class TransportEnding(Ending):
    """The endings by the transport itself."""

    LEFT = Way(
        "You send Engine.IO's `1`.", Reason.CLIENT_DISCONNECT, told=Told.NEVER, comes_back=False
    )
    LOST = Way(
        "Your end closes the connection, or that of the poll that waits.",
        Reason.TRANSPORT_CLOSE,
        told=Told.NEVER,
    )
    PING_TIMEOUT = Way(
        "No answer to a ping within `pingTimeout`.", Reason.PING_TIMEOUT, told=Told.ON_WEBSOCKET
    )
    SLOW = Way(
        "You read so slowly that more than `MAX_BACKLOG_BYTES` wait.",
        Reason.TRANSPORT_ERROR,
        told=Told.NEVER,
        label="slow",
    )
    FLOOD = Way(
        "You send more than `MAX_EVENTS_PER_SECOND`: come back later.",
        Reason.SERVER_DISCONNECT,
        CloseCode.POLICY_VIOLATION,
        "Too many messages",
        label="flood",
    )
    OVERHEAD = Way(
        "You send too many frames or packets without a message: come back later.",
        Reason.SERVER_DISCONNECT,
        CloseCode.POLICY_VIOLATION,
        "Too many frames without a message",
        label="flood",
    )
    ATTACHMENTS_LATE = Way(
        "The attachments of a message do not come in time.",
        Reason.SERVER_DISCONNECT,
        CloseCode.POLICY_VIOLATION,
        "Attachments did not come in time",
    )
    MALFORMED = Way(
        "What you send is not of the protocol; that would happen again.",
        Reason.TRANSPORT_ERROR,
        CloseCode.INVALID_DATA,
    )
    BAD_FRAME = Way(
        "The same, of WebSocket frames.", Reason.TRANSPORT_ERROR, CloseCode.PROTOCOL_ERROR
    )
    BAD_PAYLOAD = Way(
        "The same, of a POST, which is answered with 400.",
        Reason.TRANSPORT_ERROR,
        told=Told.NEVER,
    )
    TOO_LARGE = Way(
        "A message is over `maxPayload` with its attachments, or in too many fragments. A POST is"
        " answered with 413.",
        Reason.TRANSPORT_ERROR,
        CloseCode.TOO_LARGE,
    )
    SECOND_POLL = Way(
        "You poll while another poll waits, which is answered with 400.", Reason.TRANSPORT_ERROR
    )
    UNAUTHENTICATED = Way(
        "You have had no verified token for `CONNECT_TIMEOUT`.",
        Reason.TRANSPORT_CLOSE,
        label="unauthenticated",
    )
    CROWDED_OUT = Way(
        "You have no verified token, and make room for another client.",
        Reason.TRANSPORT_CLOSE,
        CloseCode.TRY_AGAIN_LATER,
        "Too many unauthenticated connections",
        told=Told.ON_WEBSOCKET,
        label="unauthenticated",
    )
    FULL = Way(
        "Your token is good, but the last place went to another client.",
        Reason.SERVER_DISCONNECT,
        CloseCode.TRY_AGAIN_LATER,
        "Too many connections",
    )
    COME_BACK_LATER = Way(
        "Your token cannot be verified now, as when the database is unavailable.",
        Reason.SERVER_DISCONNECT,
    )
    CLOSED_BY_SERVER = Way(
        "The server's own code closes the Engine.IO session.", Reason.SERVER_DISCONNECT
    )
    SHUTTING_DOWN = Way(
        "The process shuts down: a deploy.", Reason.SHUTTING_DOWN, CloseCode.GOING_AWAY
    )
    FAULT = Way(
        "A fault of the server's.",
        Reason.TRANSPORT_ERROR,
        CloseCode.INTERNAL_ERROR,
        "Internal error",
    )
    NOT_OPENED = Way(
        "The connection breaks during the handshake.", Reason.TRANSPORT_ERROR, told=Told.NEVER
    )

"""The limits of one client, and of all clients together."""

from dataclasses import dataclass

NEVER_SECONDS = 1_000_000  # of a heartbeat that is off: a number that a client's timer holds
UNLIMITED_BYTES = 2**31 - 1  # told to a client where there is no limit


@dataclass(frozen=True, slots=True)
class Limits:
    """0 is no limit, for each field."""

    ping_interval: float = 25.0  # seconds
    ping_grace: float = 0.0  # seconds later than its ping may a client expect it
    ping_timeout: float = 20.0  # seconds
    connect_timeout: float = 0.0  # seconds from the handshake until the session is confirmed
    max_message_bytes: int = 1_000_000  # of one message in, and of one POST
    max_backlog_bytes: int = 1_048_576  # waiting for one slow client
    max_sessions: int = 0  # authenticated, in this process
    max_unauthenticated: int = 0  # sessions besides, in this process; the oldest is ended
    max_open: int = 0  # sessions of both kinds, in this process
    max_sessions_per_address: int = 0  # in this process
    max_messages_per_second: int = 0  # from one client, over a second
    request_timeout: float = 30.0  # seconds for a body, or an answer; more as bytes move

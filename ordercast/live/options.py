"""The options of the team's `SocketIO(...)`, which count first; the settings fill in the others."""

from collections.abc import Mapping
from typing import Any

from gevent import monkey

from ordercast.capacity import max_connections, max_open
from ordercast.origins import Origins
from ordercast.settings import Settings
from ordercast.transport import NEVER_SECONDS, UNLIMITED_BYTES, Limits, StrictPacket


def server_options(given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The options for the Socket.IO server, without the client manager."""
    serializer = given.get("serializer")
    is_strict = isinstance(serializer, type) and issubclass(serializer, StrictPacket)
    return {
        "async_mode": "gevent" if monkey.is_module_patched("socket") else "threading",
        "cors_allowed_origins": Origins(settings.CORS_ORIGINS),
        "cors_credentials": True,
        "ping_interval": settings.PING_INTERVAL or NEVER_SECONDS,
        "ping_timeout": settings.PING_TIMEOUT or NEVER_SECONDS,
        "max_http_buffer_size": settings.MAX_MESSAGE_BYTES or UNLIMITED_BYTES,
        **given,
        "serializer": serializer if is_strict else StrictPacket,
    }


def limits(options: Mapping[str, Any], settings: Settings) -> Limits:
    """The transport's limits, for a server with these options."""
    interval = options["ping_interval"]
    return Limits(
        # python-engineio also takes (seconds, seconds that a client may be late).
        ping_interval=_or_off(interval[0] if isinstance(interval, tuple) else interval),
        ping_timeout=_or_off(options["ping_timeout"]),
        connect_timeout=settings.CONNECT_TIMEOUT,
        request_timeout=settings.REQUEST_TIMEOUT,
        max_message_bytes=0
        if options["max_http_buffer_size"] >= UNLIMITED_BYTES
        else options["max_http_buffer_size"],
        max_backlog_bytes=settings.MAX_BACKLOG_BYTES,
        max_sessions=max_connections(settings),
        max_unauthenticated=settings.unauthenticated_connections,
        max_open=max_open(),
        max_sessions_per_address=settings.MAX_CONNECTIONS_PER_ADDRESS,
        max_messages_per_second=settings.MAX_EVENTS_PER_SECOND,
    )


def _or_off(seconds: float) -> float:
    return 0 if seconds >= NEVER_SECONDS else seconds

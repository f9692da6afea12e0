"""The options of the team's `SocketIO(...)`, which count first; the settings fill in the others.

docs/differences.md has each option: whether it holds, has no effect, or is refused.
"""

import logging
from collections.abc import Mapping
from typing import Any

from gevent import monkey

from ordercast.capacity import max_connections, max_open
from ordercast.origins import Origins
from ordercast.settings import PREFIX, ConfigError, Settings
from ordercast.transport import NEVER_SECONDS, UNLIMITED_BYTES, Limits, StrictPacket

logger = logging.getLogger(__name__)
GEVENT, THREADING = "gevent", "threading"
SETTING_OF = {  # an option, and the setting that says the same
    "ping_interval": "PING_INTERVAL",
    "ping_timeout": "PING_TIMEOUT",
    "max_http_buffer_size": "MAX_MESSAGE_BYTES",
    "cors_allowed_origins": "CORS_ORIGINS",
}
QUEUE = {"message_queue": "REDIS_URL", "channel": "QUEUE_CHANNEL"}  # likewise; the settings count
WITHOUT_EFFECT = {
    "monitor_clients": "every client is pinged, and ends with its ping timeout",
    "engineio_logger": "the transport logs as `ordercast.transport`",
}


def with_queue(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """The settings, those of the queue from `message_queue` and `channel` where they are not set.
    Raises ConfigError."""
    named = {QUEUE[name]: given[name] for name in QUEUE if given.get(name)}
    unset = {name: value for name, value in named.items() if name not in settings.model_fields_set}
    for option, name in QUEUE.items():
        if name in named and name not in unset and named[name] != getattr(settings, name):
            logger.warning("SocketIO(%s=...) is not used, but %s%s", option, PREFIX, name)
    if not unset:
        return settings
    try:
        type(settings).checked(unset)
    except ConfigError as exc:
        raise ConfigError(f"{exc} (message_queue= or channel= of SocketIO)") from None
    return settings.model_copy(update=unset)


def server_options(given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The options for the Socket.IO server, without the client manager. Raises ConfigError for
    those that cannot be served with."""
    serializer = given.get("serializer")
    is_strict = isinstance(serializer, type) and issubclass(serializer, StrictPacket)
    _refuse(given, is_strict=is_strict)
    _warn(given, settings)
    return {
        "cors_allowed_origins": Origins(settings.CORS_ORIGINS),
        "cors_credentials": True,
        "ping_interval": settings.PING_INTERVAL or NEVER_SECONDS,
        "ping_timeout": settings.PING_TIMEOUT or NEVER_SECONDS,
        "max_http_buffer_size": settings.MAX_MESSAGE_BYTES or UNLIMITED_BYTES,
        **given,
        "async_mode": _async_mode(),
        "serializer": serializer if is_strict else StrictPacket,
    }


def is_patched() -> bool:
    """Whether this process runs on gevent, as under `ordercast.gunicorn`; under `flask run`, in
    commands and in most tests it does not."""
    return bool(monkey.is_module_patched("socket"))


def _async_mode() -> str:
    return GEVENT if is_patched() else THREADING


def _refuse(given: Mapping[str, Any], *, is_strict: bool) -> None:
    mode = given.get("async_mode")
    if mode not in (None, GEVENT, _async_mode()):
        raise ConfigError(
            f"SocketIO(async_mode={mode!r}) is not supported: gunicorn serves with gevent, and"
            " `flask run` with threads; leave it out"
        )
    if given.get("always_connect"):
        raise ConfigError(
            "SocketIO(always_connect=True) is not supported:"
            " clients would be let in before their connect handler has decided"
        )
    if given.get("serializer", "default") != "default" and not is_strict:
        raise ConfigError(
            "SocketIO(serializer=...) is not supported: durable events are JSON; leave it out"
        )
    if "client_manager" in given and "message_queue" not in given:
        raise ConfigError(
            "SocketIO(client_manager=...) is not supported: the queue is that of"
            f" {PREFIX}REDIS_URL; leave it out"
        )


def _warn(given: Mapping[str, Any], settings: Settings) -> None:
    for option, setting in SETTING_OF.items():
        if option not in given or setting not in settings.model_fields_set:
            continue
        if _plain(given[option]) != _plain(getattr(settings, setting)):
            logger.warning(
                "SocketIO(%s=...) is used, and not %s%s, which is another", option, PREFIX, setting
            )
    for option, why in WITHOUT_EFFECT.items():
        if given.get(option) is not None:
            logger.warning("SocketIO(%s=...) has no effect: %s", option, why)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(value)
    return (value,)


def limits(options: Mapping[str, Any], settings: Settings) -> Limits:
    """The transport's limits, for a server with these options."""
    interval = options["ping_interval"]
    # python-engineio also takes (seconds, seconds that a ping may be late).
    seconds, grace = interval if isinstance(interval, tuple) else (interval, 0)
    return Limits(
        ping_interval=_or_off(seconds),
        ping_grace=grace,
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

"""Redis, the doorbell between processes: one way to connect, and the names of the channels.

Every call may fail; the database is the truth, so a failure costs time and loses nothing.
"""

from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from redis.sentinel import Sentinel

from app.config import sentinels

QUEUE_CHANNEL = "flask-socketio"  # Flask-SocketIO's own default: stock external emits arrive here
JOURNAL_CHANNEL = "ordercast:journal"  # sequenced events and the head, worker to web
DOORBELL_CHANNEL = "ordercast:doorbell"  # something was committed, web to worker

TIMEOUT_SECONDS = 0.5  # a silent Redis may hold up no one for longer

Redis = redis.Redis


def connect(url: str, *, timeout: float = TIMEOUT_SECONDS) -> Redis:
    """A client for redis://, rediss:// or redis+sentinel://host:port,host:port/db/service.

    Lazy: the first command connects. Commands raise redis.RedisError, `timeout` seconds at the
    latest for each attempt, and are never retried behind the caller's back.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": None,
        "retry_on_error": [],
    }
    parts = urlsplit(url)
    if parts.scheme != "redis+sentinel":
        return Redis.from_url(url, **options)
    hosts, database, service = sentinels(url)
    credentials = {"username": parts.username, "password": parts.password}
    options |= {key: unquote(value) for key, value in credentials.items() if value}
    sentinel = Sentinel(hosts, socket_timeout=timeout)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(service, db=database, **options)  # type: ignore[no-untyped-call]
    return client

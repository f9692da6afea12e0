"""The URLs of Redis: redis://, rediss://, and redis+sentinel://host:port,host:port/db/service."""

import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from redis.connection import parse_url

SENTINEL_PORT = 26379


class Sentinels(NamedTuple):
    """The parts of a redis+sentinel:// URL."""

    hosts: list[tuple[str, int]]
    database: int
    service: str
    credentials: dict[str, str]  # of the Sentinels themselves; user and password are the master's


def sentinels(url: str) -> Sentinels:
    """Read redis+sentinel://user:password@host:port,host:port/db/service, with what the Sentinels
    themselves ask for in ?sentinel_username=...&sentinel_password=...

    Raises ValueError.
    """
    parts = urlsplit(url)
    hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
    database, service = parts.path.strip("/").split("/")
    if not service or not all(host.hostname for host in hosts):
        raise ValueError("no service or no host")
    given = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    if given.keys() - {"sentinel_username", "sentinel_password"}:
        raise ValueError("an option that is not known")
    return Sentinels(
        hosts=[(str(host.hostname), host.port or SENTINEL_PORT) for host in hosts],
        database=int(database),
        service=service,
        credentials={key.removeprefix("sentinel_"): values[-1] for key, values in given.items()},
    )


def redis_database(url: str) -> int:
    """The number of the database that a good REDIS_URL names; 0 if it names none."""
    if urlsplit(url).scheme == "redis+sentinel":
        return sentinels(url).database
    read = parse_url(url)  # type: ignore[no-untyped-call]
    return int(read.get("db", 0))


def is_good(url: str) -> bool:
    """Whether the libraries can read the URL; their own errors may repeat the password."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "redis+sentinel":
            return bool(sentinels(url))
        read = parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        return False
    # redis-py reads a database that is no number as 0, as it does the path of a socket.
    is_number = re.fullmatch(r"/?[0-9]*", parts.path) is not None
    return parts.scheme in ("redis", "rediss") and "host" in read and is_number

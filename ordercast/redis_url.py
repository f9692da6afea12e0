"""The URLs of Redis: redis://, rediss://, and redis+sentinel://host:port,host:port/db/service."""

import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from redis.connection import parse_url

SENTINEL_PORT = 26379
SENTINEL_SCHEME = "redis+sentinel://"


class Sentinels(NamedTuple):
    """The parts of a redis+sentinel:// URL."""

    hosts: list[tuple[str, int]]
    database: int
    service: str
    username: str | None  # the master's, as in the URL
    password: str | None
    credentials: dict[str, str]  # of the Sentinels themselves


def sentinels(url: str) -> Sentinels:
    """Read redis+sentinel://user:password@host:port,host:port/db/service, with what the Sentinels
    themselves ask for in ?sentinel_username=...&sentinel_password=...

    Raises ValueError.
    """
    # Split each host alone: urlsplit of some Python releases, Debian's 3.11 among them, refuses a
    # list in which a later host has brackets.
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, listed = authority.rpartition("@")
    first, *others = listed.split(",")
    parts = urlsplit(f"{scheme}{separator}{user}{at}{first}{slash}{path}")
    hosts = [parts, *(urlsplit(f"//{host}") for host in others)]
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
        username=parts.username,
        password=parts.password,
        credentials={key.removeprefix("sentinel_"): values[-1] for key, values in given.items()},
    )


def is_sentinel(url: str) -> bool:
    return url.lower().startswith(SENTINEL_SCHEME)


def redis_database(url: str) -> int:
    """The number of the database that a good REDIS_URL names; 0 if it names none."""
    if is_sentinel(url):
        return sentinels(url).database
    read = parse_url(url)  # type: ignore[no-untyped-call]
    return int(read.get("db", 0))


def is_good(url: str) -> bool:
    """Whether the libraries can read the URL; their own errors may repeat the password."""
    try:
        if is_sentinel(url):
            return bool(sentinels(url))
        parts = urlsplit(url)
        read = parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        return False
    # redis-py reads a database that is no number as 0, as it does the path of a socket.
    is_number = re.fullmatch(r"/?[0-9]*", parts.path) is not None
    return parts.scheme in ("redis", "rediss") and "host" in read and is_number

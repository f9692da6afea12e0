"""Origins (RFC 6454): how browsers and other clients write them, and which are the service's own.

One rule for HTTP and for Socket.IO. Origins are compared by their meaning: a default port equals
none, `ws` equals `http` and `wss` equals `https`, and the case of a host does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Any, NamedTuple

DEFAULT_PORTS = {"http": 80, "https": 443}
WEB = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
# Schemes whose pages have no origin; schemes of an app's own pages (capacitor, tauri ...) have one.
NO_ORIGIN = frozenset({"about", "blob", "data", "file", "ftp", "javascript"})
ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([^\s/?#@\\]*)/?", re.IGNORECASE)
AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
NAME = re.compile(r"[a-z0-9._-]+")
CHANGED = frozenset("\u00df\u03c2\u200c\u200d")  # IDNA 2003 and 2008 encode these differently
SCHEME_KNOWN = "ordercast.scheme_known"  # in the environ: a trusted proxy has named the scheme
WANTED = "an origin is scheme://host[:port], like https://shop.example.com"


class Origin(NamedTuple):
    scheme: str
    host: str  # in lower case and ASCII
    port: int | None  # None: of a scheme that has no default

    def __str__(self) -> str:
        is_default = self.port == DEFAULT_PORTS.get(self.scheme)
        return f"{self.scheme}://{self.host}" + ("" if is_default else f":{self.port}")


@lru_cache(maxsize=1024)
def parse(text: str) -> Origin:
    """Parse an origin, with or without a slash behind it. Raises ValueError."""
    found = ORIGIN.fullmatch(text)
    if found is None:
        raise ValueError(WANTED)
    scheme = found[1].lower()
    scheme = WEB.get(scheme, scheme)
    if scheme in NO_ORIGIN or found[2].endswith(":"):
        raise ValueError(WANTED)
    if not found[2] and scheme not in DEFAULT_PORTS:
        return Origin(scheme, "", None)
    host, port = authority(found[2])
    return Origin(scheme, host, port if port is not None else DEFAULT_PORTS.get(scheme))


def authority(text: str) -> tuple[str, int | None]:
    """host[:port], as in `Host` -> both. Raises ValueError."""
    found = AUTHORITY.fullmatch(text)
    if found is None:
        raise ValueError(WANTED)
    host, port = found[1], int(found[2]) if found[2] else None
    if port is not None and not 0 < port < 65_536:
        raise ValueError(WANTED)
    try:
        host = f"[{IPv6Address(host[1:-1]).compressed}]" if host.startswith("[") else _ascii(host)
    except (AddressValueError, UnicodeError) as exc:
        raise ValueError(WANTED) from exc
    if host.startswith("["):
        return host, port
    if not NAME.fullmatch(host):
        raise ValueError(WANTED)
    return host, port


def _ascii(host: str) -> str:
    """The name of a host as browsers send it: international names with xn--. Raises ValueError."""
    if host.isascii():
        return host.lower()
    with suppress(UnicodeError):  # a header's bytes, as WSGI hands them over; else text already
        host = host.encode("latin-1").decode()
    if not CHANGED.isdisjoint(host):
        raise ValueError(f"{WANTED}; write {host} as the browser sends it, with xn--")
    return host.encode("idna").decode().lower()


def own(environ: Mapping[str, Any]) -> tuple[Origin, ...]:
    """The origins that the service itself has in this request. A proxy may end TLS and pass only
    `Host`: then a page of either scheme is its own, on the same port or both on their defaults."""
    try:
        host, port = authority(environ.get("HTTP_HOST", ""))
    except ValueError:
        return ()
    scheme = WEB.get(environ["wsgi.url_scheme"], "http")
    schemes = (scheme,) if environ.get(SCHEME_KNOWN) else ("http", "https")
    usual = port is None or port in DEFAULT_PORTS.values()
    return tuple(Origin(one, host, DEFAULT_PORTS[one] if usual else port) for one in schemes)


class Origins:
    """The origins whose pages may call: those listed, and the service's own."""

    def __init__(self, listed: Iterable[str]) -> None:
        self._listed = frozenset(parse(text) for text in listed)

    def lists(self, origin: str | None) -> bool:
        try:
            return origin is not None and parse(origin) in self._listed
        except ValueError:
            return False

    def __call__(self, origin: str | None, environ: Mapping[str, Any]) -> bool:
        """Whether a page of this origin may connect; the form that Engine.IO asks in."""
        try:
            read = parse(origin or "")
        except ValueError:
            return False
        return read in self._listed or read in own(environ)

    def expected(self, environ: Mapping[str, Any]) -> list[str]:
        """All origins whose pages may connect, for the log."""
        return sorted(map(str, {*self._listed, *own(environ)}))

"""The client's address, scheme and host behind proxies: `TRUSTED_PROXIES`.

Decided once, in front of everything: Flask, Socket.IO, the logs and every limit by address then see
the client. X-Forwarded fields of any other peer are removed, so that nothing believes them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from ordercast.origins import SCHEME_KNOWN, WEB, authority
from ordercast.settings import UNIX

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

logger = logging.getLogger(__name__)
DECIDED = "ordercast.proxies"  # in the environ: the outermost of several has decided
FOR, PROTO, HOST = "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"


class TrustedProxies:
    """WSGI middleware. `trusted`: addresses, networks, and `unix:` for the peers of a Unix
    socket."""

    def __init__(self, inner: WSGIApplication, trusted: Iterable[str]) -> None:
        self._inner = inner
        named = set(trusted)
        self._trusts_unix = UNIX in named
        self._networks: list[IPv4Network | IPv6Network] = [
            ip_network(text) for text in sorted(named - {UNIX})
        ]
        self._warned = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if DECIDED not in environ:
            environ[DECIDED] = True
            self._decide(environ)
        return self._inner(environ, start_response)

    def _decide(self, environ: WSGIEnvironment) -> None:
        peer = _address(environ.get("REMOTE_ADDR", ""))
        if peer is not None:
            environ["REMOTE_ADDR"] = peer
        if self._trusts(peer):
            self._believe(environ)
        else:
            self._disbelieve(environ, peer)

    def _trusts(self, address: str | None) -> bool:
        if address is None:  # a Unix socket has none
            return self._trusts_unix
        read = ip_address(address)
        return any(read in network for network in self._networks)

    def _believe(self, environ: WSGIEnvironment) -> None:
        """Read X-Forwarded-For from the right, where the nearest proxy wrote: the first address
        that is no trusted proxy is the client's. Entries further left may be anybody's."""
        hops = 0
        for text in reversed(environ.get(FOR, "").split(",")):
            address = _address(text)
            if address is None:
                break
            hops += 1
            environ["REMOTE_ADDR"] = address
            environ.pop("REMOTE_PORT", None)  # of the proxy
            if not self._trusts(address):
                break
        scheme = WEB.get(_of_hop(environ.get(PROTO, ""), hops).lower())
        if scheme is not None:
            environ["wsgi.url_scheme"], environ[SCHEME_KNOWN] = scheme, True
        host = _of_hop(environ.get(HOST, ""), hops)
        if _is_host(host):
            environ["HTTP_HOST"] = host

    def _disbelieve(self, environ: WSGIEnvironment, peer: str | None) -> None:
        sent = [name for name in (FOR, PROTO, HOST) if environ.pop(name, None) is not None]
        if sent and not self._warned:
            self._warned = True
            logger.warning(
                "X-Forwarded fields of a peer that is not in TRUSTED_PROXIES do not count",
                extra={"peer": peer or UNIX},
            )


def stand_in_front(app: Flask, trusted: Iterable[str]) -> None:
    """Wrap all that the application has by now; called again, also what was added since."""
    if not isinstance(app.wsgi_app, TrustedProxies):
        app.wsgi_app = TrustedProxies(app.wsgi_app, trusted)  # type: ignore[method-assign]


def _address(text: Any) -> str | None:
    """The address in an entry of X-Forwarded-For, behind which some proxies write a port."""
    text = str(text).strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        read = ip_address(text)
    except ValueError:
        return None
    if isinstance(read, IPv6Address) and read.ipv4_mapped is not None:
        read = read.ipv4_mapped  # a socket for both families shows IPv4 peers so
    return str(read)


def _of_hop(field: str, hops: int) -> str:
    """The value that the outermost trusted proxy wrote, where each proxy appends to the field; the
    only value, where each proxy overwrites it."""
    values = [value.strip() for value in field.split(",")]
    return values[max(-len(values), -max(hops, 1))]


def _is_host(text: str) -> bool:
    try:
        authority(text)
    except ValueError:
        return False
    return True

"""Where a request ends, RFC 9112 section 6: where its Content-Length or its chunks say, whatever
`Connection` and `Upgrade` say.

Two programs that read one connection differently can be made to see different requests in it
(request smuggling), so a request that a proxy in front could read in another way is refused.
"""

import re
from http.client import HTTPMessage
from typing import NamedTuple
from urllib.parse import urlsplit

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
LENGTH = re.compile(r"[0-9]{1,18}")
LONE_CR = re.compile(rb"\r(?!\n)")  # the end of a line for some parsers only
ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)


class Framing(NamedTuple):
    length: int | None  # bytes of the body; None: in chunks, or there is none
    chunked: bool
    last: bool  # the connection ends after this request


def framing(head: bytes, headers: HTTPMessage, version: str) -> Framing:
    """How the request with this head, read as these fields, is framed. Raises ValueError."""
    if LONE_CR.search(head) or headers.defects or headers.get_unixfrom() is not None:
        raise ValueError("a line that is no header field")
    if not all(TOKEN.fullmatch(name) for name in headers):
        raise ValueError("a field with a name that is none")
    if len(headers.get_all("Host", [])) > 1:
        raise ValueError("Host more than once")
    codings, lengths = _values(headers, "Transfer-Encoding"), _values(headers, "Content-Length")
    if codings and (codings != ["chunked"] or lengths or version != "HTTP/1.1"):
        raise ValueError("Transfer-Encoding is not chunked alone")
    if len(set(lengths)) > 1 or not all(LENGTH.fullmatch(length) for length in lengths):
        raise ValueError("Content-Length is not one number")
    options = _values(headers, "Connection")
    stays = version == "HTTP/1.1" or "keep-alive" in options
    length = int(lengths[0]) if lengths else None
    return Framing(length, bool(codings), "close" in options or not stays)


def _values(headers: HTTPMessage, name: str) -> list[str]:
    """The members of a list field, in lower case, from all its lines."""
    lines = headers.get_all(name, [])
    return [value.strip(" \t\r\n").lower() for line in lines for value in line.split(",")]


def origin_form(target: str) -> tuple[str, str | None]:
    """A request's target -> its path and query, and the host if it names one: a proxy may ask
    for `http://host/path` (RFC 9112 section 3.2.2). Raises ValueError."""
    if not ABSOLUTE.match(target):
        return target, None
    host = urlsplit(target).netloc
    if not host or "@" in host:
        raise ValueError("a target without a host, or with a user")
    path = target.partition("://")[2][len(host) :]
    return (path if path.startswith("/") else f"/{path}"), host

"""Lists and documents, compressed as the client accepts. Answers with tokens are not: the size of a
compressed secret beside what a client has sent tells of the secret."""

import gzip
from collections.abc import Callable

import brotli
from flask import Response, request

LEAST_BYTES = 1024  # less fits into one packet anyway
BROTLI_QUALITY, GZIP_LEVEL = 4, 6  # about 1 ms for 100 orders, in which no other client is served

ENCODERS: dict[str, Callable[[bytes], bytes]] = {  # the better one first
    "br": lambda body: bytes(brotli.compress(body, quality=BROTLI_QUALITY)),
    "gzip": lambda body: gzip.compress(body, GZIP_LEVEL, mtime=0),
}


def compressed(response: Response) -> Response:
    """The answer, compressed in place if the client accepts that and it is worth it."""
    response.vary.add("Accept-Encoding")
    # What is named counts: `*` may be a program that does not know brotli.
    named = {name.lower(): quality for name, quality in request.accept_encodings}
    encoding = max(ENCODERS, key=lambda name: named.get(name, 0))
    body = response.get_data()
    if named.get(encoding) and len(body) >= LEAST_BYTES:
        response.set_data(ENCODERS[encoding](body))
        response.content_encoding = encoding
    return response

"""The id of the request that is being answered, as a proxy or another service hands it on."""

import re

from flask import has_request_context, request

HEADER = "X-Request-ID"
MAX_CHARACTERS = 128
FORBIDDEN = re.compile(r"[^A-Za-z0-9._:@=+/,-]")  # the rest could forge lines of a log


def current_request_id() -> str | None:
    """The header of the current request, without characters that an id does not have; None outside
    of a request, and without one. In a handler of Socket.IO it is that of the client's handshake.
    """
    if not has_request_context():
        return None
    given = request.headers.get(HEADER, "")
    return FORBIDDEN.sub("", given)[:MAX_CHARACTERS] or None

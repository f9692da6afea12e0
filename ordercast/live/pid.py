"""The pid of connection state recovery: signed, with all that the server would have to remember.

The client sends the pid back unread when it reconnects (Socket.IO protocol, CONNECT), to any
process, also after a restart. The pid proves the user, and the position after which events are
owed.
"""

import logging
from dataclasses import astuple, dataclass
from secrets import token_hex

from flask import Flask
from itsdangerous import BadData, URLSafeSerializer

logger = logging.getLogger(__name__)
MAX_PID_CHARACTERS = 4096  # enough for the longest user id that a token may hold


@dataclass(frozen=True, slots=True)
class Claim:
    user_id: str
    rooms: str  # a digest: the rooms whose events are owed
    position: int  # at the first connect; every later event is owed
    journal: str  # the name of the journal that has these positions
    stale: int | None = None  # the client's offset then, if no position of this journal yet


class Pids:
    """Signs and reads pids with a key of the service."""

    def __init__(self, secret: str | bytes) -> None:
        self._serializer = URLSafeSerializer(secret, salt="ordercast.pid")

    def sign(self, claim: Claim) -> str:
        """A new pid; two connections of a user at one position have different ones."""
        signed = self._serializer.dumps([*astuple(claim), token_hex(4)])
        return signed if isinstance(signed, str) else signed.decode()

    def read(self, pid: object) -> Claim | None:
        """The claim of a pid; None if the pid was not signed here."""
        if not isinstance(pid, str) or len(pid) > MAX_PID_CHARACTERS:
            return None
        try:
            user_id, rooms, position, journal, stale, _ = self._serializer.loads(pid)
        except (BadData, TypeError, ValueError):  # the latter two: signed by another release
            return None
        return Claim(user_id, rooms, position, journal, stale)


def signing_key(configured: str | None, app: Flask) -> str | bytes:
    """The key that is configured, else Flask's SECRET_KEY, else one of this process alone. Never
    one that can be guessed: a pid that a client has signed itself restarts the journal, at any
    position and for everybody."""
    key = configured or app.secret_key
    if not key:
        logger.warning("SECRET_KEY is not set: clients are recovered only by the process they left")
        key = token_hex()
    return key

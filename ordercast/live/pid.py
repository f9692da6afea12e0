"""The pid of connection state recovery: signed, with all that the server would have to remember.

The client sends the pid back unread when it reconnects (Socket.IO protocol, CONNECT), to any
process, also after a restart. The pid proves the user, and the position after which events are
owed.
"""

import logging
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import cached_property
from secrets import token_hex

from flask import Flask
from itsdangerous import BadData, URLSafeSerializer

logger = logging.getLogger(__name__)
MAX_DIGITS = 19  # of a position
MAX_PID_CHARACTERS = 4096  # enough for the longest user id that a token may hold


@dataclass(frozen=True, slots=True)
class Claim:
    user_id: str | None  # None: a client without an identity
    rooms: str  # a digest: the rooms whose events are owed
    position: int  # at the first connect; every later event is owed
    journal: str  # the name of the journal that has these positions
    stale: int | None = None  # the client's offset then, if no position of this journal yet
    issued_at: int | None = None  # seconds since 1970; None: signed by an earlier release


class Pids:
    """Signs and reads pids with a key of the service, or the key that a function returns."""

    def __init__(self, secret: str | bytes | Callable[[], str | bytes]) -> None:
        self._secret = secret

    @cached_property
    def _serializer(self) -> URLSafeSerializer:
        secret = self._secret() if callable(self._secret) else self._secret
        return URLSafeSerializer(secret, salt="ordercast.pid")

    def sign(self, claim: Claim) -> str:
        """A new pid; two connections of a user at one position have different ones."""
        *content, issued_at = astuple(claim)
        unique = token_hex(4)
        if issued_at is not None:
            unique = f"{issued_at:x}.{unique}"
        signed = self._serializer.dumps([*content, unique])
        return signed if isinstance(signed, str) else signed.decode()

    def read(self, pid: object) -> Claim | None:
        """The claim of a pid; None if the pid was not signed here."""
        if not isinstance(pid, str) or len(pid) > MAX_PID_CHARACTERS:
            return None
        try:
            user_id, rooms, position, journal, stale, unique = self._serializer.loads(pid)
            issued_at, dot, _ = unique.partition(".")
            issued_at = int(issued_at, 16) if dot else None
        except (BadData, TypeError, ValueError):  # the latter two: signed by another release
            return None
        return Claim(user_id, rooms, position, journal, stale, issued_at)


def signing_key(configured: str | None, app: Flask) -> str | bytes:
    """The key that is configured, else Flask's SECRET_KEY, else one of this process alone. Never
    one that can be guessed: a pid that a client has signed itself restarts the journal, at any
    position and for everybody."""
    key = configured or app.secret_key
    if not key:
        logger.warning("SECRET_KEY is not set: clients are recovered only by the process they left")
        key = token_hex()
    return key


def position_of(offset: object) -> int | None:
    """The position that an offset of a client says; None if it says none."""
    if not (isinstance(offset, str) and offset.isascii() and offset.isdigit()):
        return None
    return int(offset) if len(offset) <= MAX_DIGITS else None

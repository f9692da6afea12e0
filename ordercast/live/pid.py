"""The pid of connection state recovery: signed, and all that the server needs to remember.

The client sends it back unread when it reconnects (Socket.IO protocol, CONNECT), to any process,
also after a restart. It proves who connected and from which position on events were promised.
"""

from dataclasses import astuple, dataclass
from secrets import token_hex

from itsdangerous import BadData, URLSafeSerializer

MAX_LENGTH = 4096  # characters; enough for the longest user id that a token may hold


@dataclass(frozen=True, slots=True)
class Claim:
    user_id: str
    rooms: str  # a digest: the rooms whose events are owed
    position: int  # when it first connected: everything after it is owed
    journal: str  # whose positions these are
    stale: int | None = None  # the offset it had then, if that was no position of this journal yet


class Pids:
    """Signs and reads pids with a key of the service."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeSerializer(secret, salt="ordercast.pid")

    def sign(self, claim: Claim) -> str:
        """A new pid; two connections of a user at one position have different ones."""
        signed = self._serializer.dumps([*astuple(claim), token_hex(4)])
        return signed if isinstance(signed, str) else signed.decode()

    def read(self, pid: object) -> Claim | None:
        """What a pid claims, or None if it is not one of ours."""
        if not isinstance(pid, str) or len(pid) > MAX_LENGTH:
            return None
        try:
            user_id, rooms, position, journal, stale, _ = self._serializer.loads(pid)
        except (BadData, TypeError, ValueError):  # the latter two: signed by another release
            return None
        return Claim(user_id, rooms, position, journal, stale)

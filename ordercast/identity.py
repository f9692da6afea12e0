"""The user of a connection.

    @cast.identify
    def identify(auth, environ):
        user = session_of(environ)
        return Identity(user.id, rooms=[f"user:{user.id}", f"team:{user.team_id}"])

The library knows no roles: the rooms come with the identity, and so do the claims.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from uuid import UUID

NO_CLAIMS: Mapping[str, Any] = MappingProxyType({})
DIGEST_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """`claims` are the service's own. Of these a revocation reads `session`, `jti` and `iat`, as a
    token has them. A user_id that is a whole number or a UUID, as a primary key is, becomes its
    text. Raises TypeError for a user_id, rooms or an expires_at of another type, which would match
    nothing."""

    user_id: str
    rooms: Sequence[str] = ()  # joined by its connections, which may read the rooms' events
    expires_at: float | None = None  # seconds since 1970, when its connections end; None: never
    claims: Mapping[str, Any] = field(default_factory=lambda: NO_CLAIMS, hash=False, repr=False)

    def __post_init__(self) -> None:
        if type(self.user_id) is not str:
            object.__setattr__(self, "user_id", id_text("user_id", self.user_id))
        if isinstance(self.rooms, str):
            raise TypeError(f"rooms is a list of texts, not {self.rooms!r:.100}")
        if not isinstance(self.expires_at, int | float | None):
            raise TypeError(f"expires_at is seconds since 1970, not {self.expires_at!r:.100}")

    @property
    def session(self) -> str | None:
        """The id of the login that the token came from; None if there is none."""
        return _text(self.claims.get("session"))

    @property
    def jti(self) -> str | None:
        """The token's own id; None if there is none."""
        return _text(self.claims.get("jti"))

    @property
    def issued_at(self) -> int:
        """Seconds since 1970; 0 if unknown."""
        value = self.claims.get("iat")
        return int(value) if isinstance(value, int | float) else 0

    @property
    def is_local(self) -> bool:
        """Whether this service issued the token, so that its times are by this service's clocks."""
        return False


@dataclass(frozen=True, slots=True)
class TokenIdentity(Identity):
    """The identity of a verified token; its `claims` may be fewer than the token's."""

    session: str | None = None  # None: of another issuer, or of no login
    jti: str | None = None
    issued_at: int = 0
    is_local: bool = False


# (the client's auth, the WSGI environ of its session) -> the identity, in an application context.
# Raises Refuse.
Identify = Callable[[Any, dict[str, Any]], Identity | None]

# (a room that the client joined after its connect, auth, environ) -> whether it may be in it still,
# in an application context.
MayJoin = Callable[[str, Any, dict[str, Any]], bool]


def id_text(name: str, id: object) -> str:
    """An id as tokens and rooms have it; of the number or UUID of a database, its text. Raises
    TypeError for another type, with the argument's name."""
    if isinstance(id, str | UUID) or type(id) is int:
        return str(id)
    raise TypeError(f"{name} is a text, a whole number or a UUID, not {id!r:.100}")


def rooms_digest(rooms: Sequence[str]) -> str:
    """A short text that is the same for the same rooms in any order."""
    return sha256("\n".join(sorted(rooms)).encode()).hexdigest()[:DIGEST_DIGITS]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

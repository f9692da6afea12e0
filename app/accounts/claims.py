"""The claims of a token whose signature is good: who it speaks for, from when to when.

Clocks differ by seconds all the time. What another clock says of the past (`iat`, `nbf`) is taken
with JWT_LEEWAY seconds of tolerance; the end (`exp`) is exact.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from app.accounts.models import Role
from ordercast import TokenExpired, TokenInvalid

ISSUER = "ordercast"  # `iss` of the tokens made here
MAX_SUBJECT = 200  # characters: rooms are named after it
MAX_ID = 255  # characters of a `jti` or `session`
MAX_TIME = 32_503_680_000  # seconds since 1970: the year 3000; later is as good as that
MAX_QUOTED = 40  # characters of a claim that a log line repeats

Kind = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a verified token speaks for."""

    user_id: str  # `sub`; not necessarily a user of our database
    role: Role
    session: str | None  # the login it came from; None for tokens of other issuers
    jti: str | None
    issued_at: int  # seconds since 1970; 0 if the token does not say
    expires_at: int  # seconds since 1970
    ours: bool = False  # made here, by our clock

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms this user's connections join, and whose events they may read."""
        if self.role is Role.SELLER:
            return (f"user:{self.user_id}", f"seller:{self.user_id}")
        return (f"user:{self.user_id}",)


def identity(
    claims: dict[str, Any], kind: Kind, *, now: float, leeway: float, local: bool
) -> Identity:
    """Who the claims speak for. `now`: seconds since 1970; `local`: signed with the key that signs
    here too. Raises TokenInvalid or TokenExpired, with the reason."""
    if claims.get("type") != kind:
        raise TokenInvalid(f"its type is {_quoted(claims.get('type'))}, not {kind!r}")
    expires_at = _seconds(claims, "exp")
    if expires_at is None:
        raise TokenInvalid("it has no exp")
    if expires_at <= now:
        raise TokenExpired(f"expired {_apart(now, expires_at)} s ago")
    issued_at = _not_ahead(claims, "iat", now, leeway)
    _not_ahead(claims, "nbf", now, leeway)
    return Identity(
        user_id=_subject(claims),
        role=_role(claims),
        session=_id(claims, "session"),
        jti=_id(claims, "jti"),
        issued_at=max(0, int(issued_at or 0)),
        expires_at=math.ceil(min(expires_at, MAX_TIME)),  # no connection ends before its token
        ours=local and claims.get("iss") == ISSUER,
    )


def _seconds(claims: dict[str, Any], name: str) -> float | None:
    """A time, in seconds since 1970; None if the token does not say."""
    if name not in claims:
        return None
    value = claims[name]
    is_number = type(value) is int or (type(value) is float and math.isfinite(value))
    if not is_number:
        raise TokenInvalid(f"its {name} is no time")
    return value  # type: ignore[no-any-return]


def _not_ahead(claims: dict[str, Any], name: str, now: float, leeway: float) -> float | None:
    moment = _seconds(claims, name)
    # Whole seconds: an issuer that rounds up is not ahead.
    if moment is not None and moment // 1 > now + leeway:
        what = "issued in the future (iat)" if name == "iat" else "not yet valid (nbf)"
        raise TokenInvalid(
            f"{what}: {_apart(moment, now)} s ahead of this clock; JWT_LEEWAY is {leeway:g}"
        )
    return moment


def _apart(later: float, earlier: float) -> int:
    return int(min(later, MAX_TIME)) - int(max(earlier, 0))


def _subject(claims: dict[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str):
        raise TokenInvalid("its sub is no text" if "sub" in claims else "it has no sub")
    if not (0 < len(subject) <= MAX_SUBJECT and subject.isprintable()):
        raise TokenInvalid(f"its sub is not 1 to {MAX_SUBJECT} printable characters")
    return subject


def _role(claims: dict[str, Any]) -> Role:
    if "role" not in claims:
        raise TokenInvalid("it has no role")
    try:
        return Role(claims["role"])
    except ValueError as exc:
        raise TokenInvalid(f"its role {_quoted(claims['role'])} is none of this service") from exc


def _id(claims: dict[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if not (isinstance(value, str) and len(value) <= MAX_ID and value.isprintable()):
        raise TokenInvalid(f"its {name} is not up to {MAX_ID} printable characters")
    return value


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        return "missing" if value is None else "no text"
    return repr(value[:MAX_QUOTED])

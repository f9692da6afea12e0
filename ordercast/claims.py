"""The claims of a token whose signature is good: its user, and the time in which it is valid.

Clocks differ by seconds all the time. The beginning by another clock (`iat`, `nbf`) is compared
with JWT_LEEWAY seconds of tolerance; the end (`exp`) is exact.
"""

import math
from typing import Any, Literal

from ordercast.errors import TokenExpired, TokenInvalid
from ordercast.identity import TokenIdentity

TOKEN_ISSUER = "ordercast"  # noqa: S105 - `iss` of the tokens that a service issues itself
MAX_SUBJECT_CHARACTERS = 200  # rooms are named after it
MAX_TOKEN_ID_CHARACTERS = 255  # of a `jti` or `session`
MAX_TIME_SECONDS = 32_503_680_000  # since 1970: the year 3000; later counts as that
MAX_QUOTED_CHARACTERS = 40  # of a claim that a log line repeats

TokenKind = Literal["access", "refresh"]


def identity(
    claims: dict[str, Any],
    kind: TokenKind,
    *,
    now: float,
    leeway: float,
    is_local: bool,
    allow_expired: bool = False,
) -> TokenIdentity:
    """The identity of the user that the claims name, in the room `user:{sub}`. `now`: seconds
    since 1970; `is_local`: signed with the key that signs here too. Raises TokenInvalid or
    TokenExpired, with the reason."""
    if claims.get("type") != kind:
        raise TokenInvalid(f"its type is {quoted(claims.get('type'))}, not {kind!r}")
    expires_at = _seconds(claims, "exp")
    if expires_at is None:
        raise TokenInvalid("it has no exp")
    if expires_at <= now and not allow_expired:
        raise TokenExpired(f"expired {_apart(now, expires_at)} s ago")
    issued_at = _not_ahead(claims, "iat", now, leeway)
    _not_ahead(claims, "nbf", now, leeway)
    subject = _subject(claims)
    return TokenIdentity(
        subject,
        rooms=(f"user:{subject}",),
        # Rounded up: no connection ends before its token.
        expires_at=math.ceil(min(expires_at, MAX_TIME_SECONDS)),
        claims=claims,
        session=_id(claims, "session"),
        jti=_id(claims, "jti"),
        issued_at=max(0, int(issued_at or 0)),
        is_local=is_local and claims.get("iss") == TOKEN_ISSUER,
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
    # Compare whole seconds: an issuer that rounds up is not ahead.
    if moment is not None and moment // 1 > now + leeway:
        what = "issued in the future (iat)" if name == "iat" else "not yet valid (nbf)"
        raise TokenInvalid(
            f"{what}: {_apart(moment, now)} s ahead of this clock; JWT_LEEWAY is {leeway:g}"
        )
    return moment


def _apart(later: float, earlier: float) -> int:
    return int(min(later, MAX_TIME_SECONDS)) - int(max(earlier, 0))


def _subject(claims: dict[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str):
        raise TokenInvalid("its sub is no text" if "sub" in claims else "it has no sub")
    if not (0 < len(subject) <= MAX_SUBJECT_CHARACTERS and subject.isprintable()):
        raise TokenInvalid(f"its sub is not 1 to {MAX_SUBJECT_CHARACTERS} printable characters")
    return subject


def _id(claims: dict[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if not (
        isinstance(value, str) and len(value) <= MAX_TOKEN_ID_CHARACTERS and value.isprintable()
    ):
        raise TokenInvalid(
            f"its {name} is not up to {MAX_TOKEN_ID_CHARACTERS} printable characters"
        )
    return value


def quoted(value: object) -> str:
    """A claim as a log line may repeat it."""
    if not isinstance(value, str):
        return "missing" if value is None else "no text"
    return repr(value[:MAX_QUOTED_CHARACTERS])

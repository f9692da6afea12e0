"""The claims of a token whose signature is good: its issuer, its audience, its user, and the time
in which it is valid.

Clocks differ by seconds all the time. The beginning by another clock (`iat`, `nbf`) is compared
with JWT_LEEWAY seconds of tolerance; the end (`exp`) is exact.

Access tokens of other issuers say so in a claim of their own name, or not at all. A token that says
that it is of another kind (refresh, id, ...) is no access token, whoever signed it.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from ordercast.errors import TokenExpired, TokenInvalid
from ordercast.identity import TokenIdentity

TOKEN_ISSUER = "ordercast"  # noqa: S105 - `iss` of the tokens that a service issues itself
MAX_SUBJECT_CHARACTERS = 200  # rooms are named after it
MAX_TOKEN_ID_CHARACTERS = 255  # of a `jti` or `session`
MAX_TIME_SECONDS = 32_503_680_000  # since 1970: the year 3000; later counts as that
MAX_QUOTED_CHARACTERS = 100  # of a claim that a log line repeats: the URL of an issuer
KINDS = ("type", "typ", "token_type", "token_use")  # the claims that may say what a token is for
ACCESS = frozenset({"access", "bearer", "jwt", "at+jwt"})  # what an access token says, lower case
MAX_NAMED = 5  # audiences that a log line repeats
PARTIES = ("client_id", "azp")  # name the audience of an access token without `aud`

TokenKind = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say, by the settings."""

    issuer: str | None = None
    audience: frozenset[str] = frozenset()
    user_claim: str = "sub"
    leeway: float = 0  # seconds


def identity(
    claims: dict[str, Any],
    kind: TokenKind,
    expected: Expected,
    *,
    now: float,
    is_local: bool,
    allow_expired: bool = False,
) -> TokenIdentity:
    """The identity of the user that the claims name, in the room `user:{id}`. `now`: seconds since
    1970; `is_local`: signed with the key that signs here too. Raises TokenInvalid or TokenExpired,
    with the reason."""
    _require_kind(claims, kind)
    _require_issuer(claims, expected.issuer)
    _require_audience(claims, expected.audience)
    expires_at = _seconds(claims, "exp")
    if expires_at is None:
        raise TokenInvalid("it has no exp")
    if expires_at <= now and not allow_expired:
        raise TokenExpired(f"expired {_apart(now, expires_at)} s ago")
    issued_at = _not_ahead(claims, "iat", now, expected.leeway)
    _not_ahead(claims, "nbf", now, expected.leeway)
    user_id = _user(claims, expected.user_claim)
    return TokenIdentity(
        user_id,
        rooms=(f"user:{user_id}",),
        # Rounded up: no connection ends before its token.
        expires_at=math.ceil(min(expires_at, MAX_TIME_SECONDS)),
        claims=claims,
        session=_id(claims, "session"),
        jti=_id(claims, "jti"),
        issued_at=max(0, int(issued_at or 0)),
        is_local=is_local and claims.get("iss") == TOKEN_ISSUER,
    )


def claim_at(claims: object, path: str) -> Any:
    """The claim at a dotted path; None if there is none. A name may contain dots itself, as in
    `https://shop.example/roles`: the longest name counts."""
    if not isinstance(claims, dict):
        return None
    if path in claims:
        return claims[path]
    end = path.rfind(".")
    while end > 0:
        if path[:end] in claims:
            return claim_at(claims[path[:end]], path[end + 1 :])
        end = path.rfind(".", 0, end)
    return None


def put_claim(claims: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set the claim at a dotted path, for claim_at() to find; a URL is one name -> the claims."""
    names = [path] if "/" in path else path.split(".")
    inner = claims
    for name in names[:-1]:
        inner = inner.setdefault(name, {})
    inner[names[-1]] = value
    return claims


def _require_kind(claims: dict[str, Any], kind: TokenKind) -> None:
    if kind == "refresh":  # only those of this service are exchanged here
        if claims.get("type") != kind:
            raise TokenInvalid(f"its type is {quoted(claims.get('type'))}, not {kind!r}")
        return
    for name in KINDS:
        if (said := claims.get(name)) is None:
            continue
        if not isinstance(said, str) or said.lower() not in ACCESS:
            raise TokenInvalid(f"it is no access token: its {name} is {quoted(said)}")


def _require_issuer(claims: dict[str, Any], wanted: str | None) -> None:
    if wanted is not None and claims.get("iss") != wanted:
        raise TokenInvalid(
            f"its issuer (iss) is {quoted(claims.get('iss'))}, and JWT_ISSUER is {wanted!r}"
        )


def _require_audience(claims: dict[str, Any], wanted: frozenset[str]) -> None:
    """A token for somebody else's service is none for this one, although its signature is good."""
    named = claims.get("aud")
    if named:
        names = named if isinstance(named, list) else [named]
        if not any(isinstance(name, str) and name in wanted for name in names):
            raise TokenInvalid(f"its audience (aud) is {_each(names)}, and {_audience(wanted)}")
    elif wanted:
        parties = [claims[name] for name in PARTIES if claims.get(name) is not None]
        if not any(isinstance(name, str) and name in wanted for name in parties):
            said = f"its client_id or azp is {_each(parties)}" if parties else "no client_id or azp"
            raise TokenInvalid(f"it has no aud, {said}, and {_audience(wanted)}")


def _audience(wanted: frozenset[str]) -> str:
    return f"JWT_AUDIENCE is {_each(sorted(wanted))}" if wanted else "JWT_AUDIENCE is not set"


def _each(names: list[Any]) -> str:
    return ", ".join(quoted(name) for name in names[:MAX_NAMED])


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


def _user(claims: dict[str, Any], name: str) -> str:
    user_id = claim_at(claims, name)
    if type(user_id) is int:  # as Django's are
        user_id = str(user_id)
    if not isinstance(user_id, str):
        missing = user_id is None
        raise TokenInvalid(f"it has no {name}" if missing else f"its {name} is no text")
    if not (0 < len(user_id) <= MAX_SUBJECT_CHARACTERS and user_id.isprintable()):
        raise TokenInvalid(f"its {name} is not 1 to {MAX_SUBJECT_CHARACTERS} printable characters")
    return user_id


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

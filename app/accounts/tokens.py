"""Tokens: JWTs (RFC 7519), made by Flask-JWT-Extended, read by PyJWT below it.

HS256 with `JWT_SECRET_KEY`; with `JWT_PUBLIC_KEY` set, also RS256 or ES256 from a team's own
identity service. The key follows from the algorithm by a table, never from what the token likes:
a public key is never used as an HMAC secret (RFC 8725 section 3.1).
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import uuid4

import jwt
from flask import Flask, current_app
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token

from app.accounts import revocation
from app.accounts.errors import TokenExpired, TokenInvalid, TokenRevoked
from app.accounts.models import Role
from app.config import Settings, key_algorithm

ACCESS_SECONDS = 15 * 60
REFRESH_SECONDS = 30 * 24 * 3600
MAX_SUBJECT = 200  # characters: rooms are named after it
MAX_TOKEN = 8192  # characters
MAX_ID = 255  # characters of a `jti` or `session`
MAX_TIME = 32_503_680_000  # seconds since 1970: the year 3000; later is as good as that

Kind = Literal["access", "refresh"]
manager = JWTManager()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a verified token speaks for."""

    user_id: str  # `sub`; not necessarily a user of our database
    role: Role
    session: str | None  # the login it came from; None for tokens of other issuers
    jti: str | None
    issued_at: int  # seconds since 1970; 0 if the token does not say
    expires_at: int  # seconds since 1970

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms this user's connections join, and whose events they may read."""
        if self.role is Role.SELLER:
            return (f"user:{self.user_id}", f"seller:{self.user_id}")
        return (f"user:{self.user_id}",)


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.config["JWT_SECRET_KEY"] = settings.JWT_SECRET_KEY
    app.config["JWT_ALGORITHM"] = "HS256"
    app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(seconds=ACCESS_SECONDS)
    app.config["JWT_REFRESH_TOKEN_EXPIRES"] = timedelta(seconds=REFRESH_SECONDS)
    keys = {"HS256": settings.JWT_SECRET_KEY}
    if settings.JWT_PUBLIC_KEY:
        keys[key_algorithm(settings.JWT_PUBLIC_KEY)] = settings.JWT_PUBLIC_KEY
    app.config["JWT_DECODE_ALGORITHMS"] = list(keys)
    app.config["JWT_KEYS"] = keys
    manager.init_app(app)
    # For a team's own views under @jwt_required(): the same keys, the same revocations.
    # The app's own, not these here: the manager is shared by every app of the process.
    manager.decode_key_loader(lambda header, _: current_app.config["JWT_KEYS"][header["alg"]])
    manager.token_in_blocklist_loader(
        lambda _header, claims: revocation.is_revoked(_identity(claims))
    )


def issue(
    kind: Kind,
    user_id: str,
    role: Role,
    *,
    session: str | None = None,
    jti: str | None = None,
    seconds: float | None = None,
) -> str:
    """A signed token of `kind` for the user; `seconds` until it expires, else the default."""
    claims: dict[str, Any] = {"role": role.value, "jti": jti or uuid4().hex}
    if session is not None:
        claims["session"] = session
    create = create_access_token if kind == "access" else create_refresh_token
    expires = None if seconds is None else timedelta(seconds=seconds)
    token: str = create(identity=user_id, additional_claims=claims, expires_delta=expires)
    return token


def verify(token: object, kind: Kind = "access") -> Identity:
    """The identity that a token proves: signature, expiry, type, claims and revocation checked.

    Raises TokenInvalid, TokenExpired or TokenRevoked; never anything else because of what the
    token contains.
    """
    identity = read(token, kind)
    if revocation.is_revoked(identity):
        raise TokenRevoked
    return identity


def read(token: object, kind: Kind = "access") -> Identity:
    """As `verify`, but without asking the database whether it was revoked."""
    return _identity(_claims(token, kind))


def _claims(token: object, kind: Kind) -> dict[str, Any]:
    if not isinstance(token, str) or len(token) > MAX_TOKEN:
        raise TokenInvalid
    try:
        algorithm = jwt.get_unverified_header(token)["alg"]
        key = current_app.config["JWT_KEYS"][algorithm]
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm])
    except jwt.ExpiredSignatureError as exc:
        raise TokenExpired from exc
    except (jwt.PyJWTError, ValueError, KeyError, TypeError) as exc:
        raise TokenInvalid from exc
    except (RecursionError, OverflowError) as exc:  # nested too deep; a time that is infinite
        raise TokenInvalid from exc
    if claims.get("type") != kind:
        raise TokenInvalid
    return claims


def _identity(claims: dict[str, Any]) -> Identity:
    subject, session, token_id = claims.get("sub"), claims.get("session"), claims.get("jti")
    expires_at, issued_at = claims.get("exp"), claims.get("iat", 0)
    try:
        role = Role(claims["role"])
    except (KeyError, ValueError) as exc:
        raise TokenInvalid from exc
    well_formed = (
        isinstance(subject, str)
        and 0 < len(subject) <= MAX_SUBJECT
        and subject.isprintable()
        and all(value is None or _is_id(value) for value in (session, token_id))
        and all(isinstance(value, int | float) for value in (expires_at, issued_at))
    )
    if not well_formed:
        raise TokenInvalid
    issued_at, expires_at = max(0, int(issued_at)), min(int(expires_at), MAX_TIME)  # type: ignore[arg-type]
    return Identity(subject, role, session, token_id, issued_at, expires_at)  # type: ignore[arg-type]


def _is_id(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_ID and value.isprintable()


def seconds_left(identity: Identity) -> int:
    """How long the token is still good for; 0 once it has expired."""
    return max(0, identity.expires_at - int(time.time()))

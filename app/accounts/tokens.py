"""Tokens: JWTs (RFC 7519), made by Flask-JWT-Extended, read by PyJWT below it.

HS256 with `JWT_SECRET_KEY`, or RS256 or ES256 from a team's own identity service: issuers.py.
"""

import hmac
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
from flask import Flask, current_app
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token
from flask_jwt_extended.exceptions import CSRFError
from jwt.types import Options

from app.accounts import claims, issuers, revocation
from app.accounts.claims import Identity, Kind
from app.accounts.models import Role
from app.config import Settings
from ordercast import TokenExpired, TokenInvalid

__all__ = ["Identity", "Kind"]  # what proves them is here

ACCESS_SECONDS = 15 * 60
REFRESH_SECONDS = 30 * 24 * 3600
MAX_TOKEN = 8192  # characters
# The times are checked in claims.py: PyJWT's leeway would let an expired token live on.
OURSELVES: Options = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_sub": False,
}
REASONS: tuple[tuple[type[Exception], str], ...] = (  # the first that fits
    (jwt.InvalidSignatureError, "wrong signature"),
    (jwt.InvalidAudienceError, "its audience (aud) is somebody else's"),
    (RecursionError, "nested too deep"),
)


class Manager(JWTManager):
    """A team's own views under @jwt_required(): the same verification as everywhere else."""

    def _decode_jwt_from_config(
        self, encoded_token: str, csrf_value: Any = None, allow_expired: bool = False
    ) -> dict[str, Any]:
        found, algorithm = _decoded(encoded_token)
        kind: Kind = "refresh" if found.get("type") == "refresh" else "access"
        try:
            _identity(found, kind, algorithm)
        except TokenExpired:
            if not allow_expired:
                raise
        if csrf_value and not hmac.compare_digest(str(found.get("csrf")), csrf_value):
            raise CSRFError("CSRF double submit tokens do not match")
        return {"fresh": False, "jti": None, **found}


manager = Manager()


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.config["JWT_SECRET_KEY"] = settings.JWT_SECRET_KEY
    app.config["JWT_ALGORITHM"] = issuers.LOCAL_ALGORITHM
    app.config["JWT_ENCODE_ISSUER"] = claims.ISSUER
    app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(seconds=ACCESS_SECONDS)
    app.config["JWT_REFRESH_TOKEN_EXPIRES"] = timedelta(seconds=REFRESH_SECONDS)
    keys = issuers.keys(settings)
    app.config["JWT_DECODE_ALGORITHMS"] = list(keys)
    app.config["JWT_KEYS"] = keys
    manager.init_app(app)
    manager.token_in_blocklist_loader(_refuse_revoked)


def issue(
    kind: Kind,
    user_id: str,
    role: Role,
    *,
    session: str | None = None,
    jti: str | None = None,
    seconds: float | None = None,
    issued_at: int | None = None,
) -> str:
    """A signed token of `kind` for the user; `seconds` until it expires, else the default.

    The same arguments, `jti` and `issued_at` (seconds since 1970) among them, make the same token.
    """
    usual = ACCESS_SECONDS if kind == "access" else REFRESH_SECONDS
    start = time.time() if issued_at is None else issued_at
    token_id = jti or uuid4().hex
    said: dict[str, Any] = {"role": role.value, "jti": token_id, "csrf": _csrf(token_id)}
    said |= {"iat": int(start), "nbf": int(start)}
    said["exp"] = int(start + (usual if seconds is None else seconds))
    if session is not None:
        said["session"] = session
    create = create_access_token if kind == "access" else create_refresh_token
    token: str = create(identity=user_id, additional_claims=said)
    return token


def _csrf(token_id: str) -> str:
    """What Flask-JWT-Extended puts at random into tokens that travel in cookies."""
    secret = current_app.config["JWT_SECRET_KEY"]
    return hmac.new(secret.encode(), f"csrf {token_id}".encode(), "sha256").hexdigest()[:32]


def verify(token: object, kind: Kind = "access") -> Identity:
    """The identity that a token proves: signature, expiry, type, claims and revocation checked.

    Raises TokenInvalid, TokenExpired or TokenRevoked; never anything else because of what the
    token contains.
    """
    identity = read(token, kind)
    revocation.check(identity, refresh=kind == "refresh")
    return identity


def read(token: object, kind: Kind = "access") -> Identity:
    """As `verify`, but without asking the database whether it was revoked."""
    found, algorithm = _decoded(token)
    return _identity(found, kind, algorithm)


def _decoded(token: object) -> tuple[dict[str, Any], str]:
    """The claims of a token whose signature is good, and its algorithm. Raises TokenInvalid."""
    if not isinstance(token, str) or len(token) > MAX_TOKEN:
        raise TokenInvalid(f"it is no text of up to {MAX_TOKEN} characters")
    keys = current_app.config["JWT_KEYS"]
    try:
        algorithm = jwt.get_unverified_header(token)["alg"]
        if not isinstance(algorithm, str) or algorithm not in keys:
            raise TokenInvalid(f"its algorithm is none of {', '.join(keys)}")
        found: dict[str, Any] = jwt.decode(
            token, keys[algorithm], algorithms=[algorithm], options=OURSELVES
        )
    except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError) as exc:
        reasons = (reason for kind, reason in REASONS if isinstance(exc, kind))
        raise TokenInvalid(next(reasons, "malformed")) from exc
    return found, algorithm


def _identity(found: dict[str, Any], kind: Kind, algorithm: str) -> Identity:
    settings: Settings = current_app.config["SETTINGS"]
    identity = claims.identity(
        found,
        kind,
        now=time.time(),
        leeway=settings.JWT_LEEWAY,
        local=algorithm == issuers.LOCAL_ALGORITHM,
    )
    if identity.ours and identity.session is not None and not settings.has_local_accounts:
        raise TokenInvalid("of a login here, and LOCAL_ACCOUNTS is off")
    return identity


def _refuse_revoked(header: dict[str, Any], found: dict[str, Any]) -> bool:
    kind: Kind = found["type"]
    revocation.check(_identity(found, kind, header["alg"]), refresh=kind == "refresh")
    return False


def seconds_left(identity: Identity) -> int:
    """How long the token is still good for; 0 once it has expired."""
    return max(0, int(identity.expires_at - time.time()))

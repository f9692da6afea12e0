"""Tokens: JWTs (RFC 7519), issued by Flask-JWT-Extended, verified by the library.

issuers.py says which tokens are valid, and whether people log in here.
"""

import hmac
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

from flask import Flask, current_app
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token
from flask_jwt_extended.exceptions import CSRFError

from app.accounts.identity import Identity, identity_of
from app.config import Settings
from app.extension import cast
from app.roles import Role
from ordercast import (
    TOKEN_ISSUER,
    TokenIdentity,
    TokenInvalid,
    TokenKind,
    put_claim,
    token_of,
)

__all__ = ["Identity"]  # re-exported: verify() and read() return it

ACCESS_SECONDS = 15 * 60
REFRESH_SECONDS = 30 * 24 * 3600
ISSUING_ALGORITHM = "HS256"  # with JWT_SECRET_KEY


class Manager(JWTManager):
    """Flask-JWT-Extended's manager: verify tokens as everywhere else, also in a team's own views
    under @jwt_required()."""

    def _decode_jwt_from_config(
        self, encoded_token: str, csrf_value: Any = None, allow_expired: bool = False
    ) -> dict[str, Any]:
        proven = cast.tokens.read(encoded_token, None, allow_expired=allow_expired)
        identity = accepted(proven)
        found = proven.claims
        if csrf_value and not hmac.compare_digest(str(found.get("csrf")), csrf_value):
            raise CSRFError("CSRF double submit tokens do not match")
        # Views read the user and the role where a token of this service has them.
        known = {"sub": identity.user_id, "role": identity.role.value}
        return {"fresh": False, "jti": None, "type": "access", **found, **known}


manager = Manager()


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.config["JWT_SECRET_KEY"] = settings.JWT_SECRET_KEY
    app.config["JWT_ALGORITHM"] = ISSUING_ALGORITHM
    app.config["JWT_ENCODE_ISSUER"] = settings.JWT_ISSUER or TOKEN_ISSUER
    if settings.JWT_AUDIENCE:
        app.config["JWT_ENCODE_AUDIENCE"] = settings.JWT_AUDIENCE[0]
    app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(seconds=ACCESS_SECONDS)
    app.config["JWT_REFRESH_TOKEN_EXPIRES"] = timedelta(seconds=REFRESH_SECONDS)
    app.config["JWT_DECODE_ALGORITHMS"] = cast.tokens.algorithms
    manager.init_app(app)
    manager.token_in_blocklist_loader(_refuse_revoked)


def issue(
    kind: TokenKind,
    user_id: str,
    role: Role,
    *,
    session: str | None = None,
    jti: str | None = None,
    seconds: float | None = None,
    issued_at: int | None = None,
) -> str:
    """A signed token of `kind` for the user; `seconds` until it expires, else the default.

    The same arguments, `jti` and `issued_at` (seconds since 1970) included, make the same token.
    """
    usual = ACCESS_SECONDS if kind == "access" else REFRESH_SECONDS
    start = time.time() if issued_at is None else issued_at
    token_id = jti or uuid4().hex
    said: dict[str, Any] = {"jti": token_id, "csrf": _csrf(token_id), **_named(user_id, role)}
    said |= {"iat": int(start), "nbf": int(start)}
    said["exp"] = int(start + (usual if seconds is None else seconds))
    if session is not None:
        said["session"] = session
    create = create_access_token if kind == "access" else create_refresh_token
    token: str = create(identity=user_id, additional_claims=said)
    return token


def _named(user_id: str, role: Role) -> dict[str, Any]:
    """The claims that name the user and the role, where they are looked for."""
    settings: Settings = current_app.config["SETTINGS"]
    said: dict[str, Any] = {}
    if settings.JWT_USER_CLAIM != "sub":
        put_claim(said, settings.JWT_USER_CLAIM, user_id)
    if settings.JWT_ISSUER is None:
        return {**said, "role": role.value}
    return put_claim(said, settings.JWT_ROLE_CLAIM, settings.role_claim.name(role))


def _csrf(token_id: str) -> str:
    """The claim `csrf`, which Flask-JWT-Extended draws at random; here it follows from the id."""
    secret = current_app.config["JWT_SECRET_KEY"]
    return hmac.new(secret.encode(), f"csrf {token_id}".encode(), "sha256").hexdigest()[:32]


def verify(token: object, kind: TokenKind = "access") -> Identity:
    """The identity that a token proves: signature, times, type, claims and revocation checked.

    Raises TokenInvalid, TokenExpired or TokenRevoked; never anything else because of what the
    token contains.
    """
    proven = cast.tokens.read(token, kind)
    identity = accepted(proven)
    # A refresh token's role does not count: a refresh reads it from the account.
    cast.revocations.check(proven if kind == "refresh" else identity)
    return identity


def read(token: object, kind: TokenKind = "access") -> Identity:
    """As `verify`, without asking whether it was revoked."""
    return accepted(cast.tokens.read(token, kind))


@cast.identify
def identify(auth: object, _environ: object) -> Identity:
    """Identify a client by `auth: {token}`. Raises AuthenticationRequired and TokenError."""
    return read(token_of(auth))


def accepted(proven: TokenIdentity) -> Identity:
    """The marketplace's identity of a verified token. Raises TokenInvalid for a token of a login
    here while LOCAL_ACCOUNTS is off."""
    settings: Settings = current_app.config["SETTINGS"]
    if proven.is_local and proven.session is not None and not settings.has_local_accounts:
        raise TokenInvalid("of a login here, and LOCAL_ACCOUNTS is off")
    return identity_of(proven, settings.role_claim)


def _refuse_revoked(header: dict[str, Any], found: dict[str, Any]) -> bool:
    cast.revocations.check(cast.tokens.identity(found, header["alg"]))
    return False


def seconds_left(identity: Identity) -> int:
    """Seconds until the token expires; 0 once it has expired."""
    return max(0, int((identity.expires_at or 0) - time.time()))

"""Tokens: JWTs (RFC 7519) of one issuer, verified.

configured            tokens that are good
JWT_SECRET_KEY        HS256, of every holder of the secret: all name users of one namespace
JWT_PUBLIC_KEY        RS256 or ES256, of that key's owner, and no others

One issuer at a time, so that the users of two never share an id.
"""

import time
from typing import Any

import jwt
from jwt.types import Options

from ordercast import claims
from ordercast.claims import TokenKind
from ordercast.errors import AuthenticationRequired, TokenInvalid
from ordercast.identity import TokenIdentity
from ordercast.keys import key_algorithm
from ordercast.settings import Settings

LOCAL_ALGORITHM = "HS256"  # of the tokens that the service itself issues
MAX_TOKEN_CHARACTERS = 8192
# The times are checked in claims.py: PyJWT's leeway would let an expired token live on.
OPTIONS: Options = {
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


class Tokens:
    """Verifies signature, times and type. Whether a token was revoked is in revocation/."""

    def __init__(self, settings: Settings) -> None:
        self._leeway = settings.JWT_LEEWAY
        # Key and algorithm follow from the settings, never from the token's header: a public key
        # must not serve as an HMAC secret (RFC 8725 section 3.1).
        self._keys: dict[str, str] = {}
        if settings.JWT_PUBLIC_KEY:
            self._keys[key_algorithm(settings.JWT_PUBLIC_KEY)] = settings.JWT_PUBLIC_KEY
        elif settings.JWT_SECRET_KEY:
            self._keys[LOCAL_ALGORITHM] = settings.JWT_SECRET_KEY

    @property
    def algorithms(self) -> list[str]:
        """The algorithms of tokens that can be good; empty where no key is configured."""
        return list(self._keys)

    @property
    def signs_here(self) -> bool:
        """Whether a token that this service issues is good here."""
        return LOCAL_ALGORITHM in self._keys

    def read(
        self, token: object, kind: TokenKind | None = "access", *, allow_expired: bool = False
    ) -> TokenIdentity:
        """The identity that a token proves, of this kind or (None) of either: with all its claims,
        in the room `user:{sub}`. Raises TokenInvalid or TokenExpired; never anything else because
        of the token's content."""
        found, algorithm = self._decoded(token)
        return self.identity(found, algorithm, kind, allow_expired=allow_expired)

    def identity(
        self,
        found: dict[str, Any],
        algorithm: str,
        kind: TokenKind | None = None,
        *,
        allow_expired: bool = False,
    ) -> TokenIdentity:
        """As read(), from the claims and the algorithm of a token whose signature is good."""
        own: TokenKind = "refresh" if found.get("type") == "refresh" else "access"
        return claims.identity(
            found,
            kind or own,
            now=time.time(),
            leeway=self._leeway,
            is_local=algorithm == LOCAL_ALGORITHM,
            allow_expired=allow_expired,
        )

    def identify(self, auth: object, _environ: dict[str, Any]) -> TokenIdentity:
        """The identity of a client that connects with `auth: {token}`: the default, which
        @cast.identify replaces. Raises AuthenticationRequired, TokenInvalid, TokenExpired."""
        return self.read(token_of(auth))

    def _decoded(self, token: object) -> tuple[dict[str, Any], str]:
        """The claims of a token whose signature is good, and its algorithm. Raises TokenInvalid."""
        if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenInvalid(f"it is no text of up to {MAX_TOKEN_CHARACTERS} characters")
        if not self._keys:
            raise TokenInvalid("no key is configured")
        try:
            # One issuer has one key: the header need not be read first to choose it.
            [(algorithm, key)] = self._keys.items()
            found: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], options=OPTIONS)
        except jwt.InvalidAlgorithmError as exc:
            raise TokenInvalid(f"its algorithm is none of {', '.join(self._keys)}") from exc
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError) as exc:
            reasons = (reason for kind, reason in REASONS if isinstance(exc, kind))
            raise TokenInvalid(next(reasons, "malformed")) from exc
        return found, algorithm


def token_of(auth: object) -> object:
    """The token of a client's `auth: {token}`. Raises AuthenticationRequired."""
    token = auth.get("token") if isinstance(auth, dict) else None
    if token is None or token == "":
        raise AuthenticationRequired
    return token

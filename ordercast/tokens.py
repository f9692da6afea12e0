"""Tokens: JWTs (RFC 7519) of one issuer, verified.

configured            tokens that are good
JWT_SECRET_KEY        HS256, of every holder of the secret: all name users of one namespace
JWT_PUBLIC_KEY        of that key's owner, and no others
JWT_JWKS_URL          of the issuer that publishes its keys there, and no others

One issuer at a time, so that the users of two never share an id. keys.py says which algorithms a
key verifies, claims.py what a token has to say.
"""

import base64
import json
import time
from hashlib import sha256
from typing import Any

import jwt
from jwt.types import Options

from ordercast import claims
from ordercast.claims import Expected, TokenKind
from ordercast.errors import AuthenticationRequired, TokenInvalid
from ordercast.identity import TokenIdentity
from ordercast.key_set import KeySet
from ordercast.keys import PUBLIC, Key, public_key, secret_key
from ordercast.settings import Settings

LOCAL_ALGORITHM = "HS256"  # of the tokens that the service itself issues
MAX_TOKEN_CHARACTERS = 8192
MAX_VERIFIED_TOKENS = 4096  # whose signature is not computed again
TYPES = frozenset({*claims.ACCESS, "application/jwt", "application/at+jwt", "jose"})  # of headers
# Nothing is left to PyJWT but the signature: its leeway would let an expired token live on.
OPTIONS: Options = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_sub": False,
    "verify_iss": False,
    "verify_aud": False,
    "verify_jti": False,
}
REASONS: tuple[tuple[type[Exception], str], ...] = (  # the first that fits
    (jwt.InvalidSignatureError, "wrong signature"),
    (RecursionError, "nested too deep"),
)


class Tokens:
    """Verifies signature, times and claims. Whether a token was revoked is in revocation/."""

    def __init__(self, settings: Settings) -> None:
        self._expected = Expected(
            issuer=settings.JWT_ISSUER,
            audience=frozenset(settings.JWT_AUDIENCE),
            user_claim=settings.JWT_USER_CLAIM,
            leeway=settings.JWT_LEEWAY,
        )
        self._key: Key | None = None
        self._key_set: KeySet | None = None
        if settings.JWT_JWKS_URL:
            self._key_set = KeySet(settings.JWT_JWKS_URL)
        elif settings.JWT_PUBLIC_KEY:
            self._key = public_key(settings.JWT_PUBLIC_KEY)
        elif settings.JWT_SECRET_KEY:
            self._key = secret_key(settings.JWT_SECRET_KEY)
        # Digests of tokens with a good signature, in their order: a token comes with each request.
        self._verified: dict[bytes, None] = {}
        own = sorted(self._key.algorithms) if self._key else []
        self._algorithms = PUBLIC if self._key_set else tuple(own)

    @property
    def algorithms(self) -> list[str]:
        """The algorithms of tokens that can be good; empty where no key is configured."""
        return list(self._algorithms)

    @property
    def signs_here(self) -> bool:
        """Whether a token that this service issues is good here."""
        return LOCAL_ALGORITHM in self._algorithms

    @property
    def key_set(self) -> KeySet | None:
        """The issuer's keys at JWT_JWKS_URL; None without it."""
        return self._key_set

    def start(self) -> None:
        """Begin to read the key set, if there is one. Call it after any fork."""
        if self._key_set is not None:
            self._key_set.start()

    def read(
        self, token: object, kind: TokenKind | None = "access", *, allow_expired: bool = False
    ) -> TokenIdentity:
        """The identity that a token proves, of this kind or (None) of either: with all its claims,
        in the room `user:{id}`. Raises TokenInvalid or TokenExpired, and KeysUnavailable; never
        anything else because of the token's content."""
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
            self._expected,
            now=time.time(),
            is_local=algorithm == LOCAL_ALGORITHM,
            allow_expired=allow_expired,
        )

    def identify(self, auth: object, _environ: dict[str, Any]) -> TokenIdentity:
        """The identity of a client that connects with `auth: {token}`: the default, which
        @cast.identify replaces. Raises AuthenticationRequired, TokenInvalid, TokenExpired,
        KeysUnavailable."""
        return self.read(token_of(auth))

    def _decoded(self, token: object) -> tuple[dict[str, Any], str]:
        """The claims of a token whose signature is good, and its algorithm. Raises TokenInvalid,
        KeysUnavailable."""
        if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenInvalid(f"it is no text of up to {MAX_TOKEN_CHARACTERS} characters")
        algorithm, kid = _header(token)
        key = self._key_for(algorithm, kid)
        try:
            digest = sha256(token.encode()).digest()
            if digest in self._verified:
                found: dict[str, Any] = json.loads(_decoded_part(token.split(".")[1]))
            else:
                found = jwt.decode(token, key.value, algorithms=[algorithm], options=OPTIONS)
                self._remember(digest)
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError) as exc:
            reasons = (reason for kind, reason in REASONS if isinstance(exc, kind))
            raise TokenInvalid(next(reasons, "malformed")) from exc
        return found, algorithm

    def _remember(self, digest: bytes) -> None:
        """Remember a token whose signature is good, by a key that does not change."""
        if self._key_set is not None:
            return
        if len(self._verified) >= MAX_VERIFIED_TOKENS:
            self._verified.pop(next(iter(self._verified)))  # the oldest
        self._verified[digest] = None

    def _key_for(self, algorithm: str, kid: str | None) -> Key:
        """The key that verifies the token, if any does; its type decides about the algorithm."""
        if not self._algorithms:
            raise TokenInvalid("no key is configured")
        if algorithm not in self._algorithms:
            said, good = claims.quoted(algorithm), ", ".join(self._algorithms)
            raise TokenInvalid(f"its algorithm {said} is none of {good}")
        if self._key_set is not None:
            return self._key_set.find(kid, algorithm)
        assert self._key is not None
        return self._key


def token_of(auth: object) -> object:
    """The token of a client's `auth: {token}`. Raises AuthenticationRequired."""
    token = auth.get("token") if isinstance(auth, dict) else None
    if token is None or token == "":
        raise AuthenticationRequired
    return token


def _decoded_part(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _header(token: str) -> tuple[str, str | None]:
    """The algorithm and the kid in a token's header, which nobody has signed yet: they choose among
    the configured keys. Raises TokenInvalid."""
    part = token.partition(".")[0]
    try:
        header = json.loads(_decoded_part(part))
        algorithm, kid, typ = header["alg"], header.get("kid"), header.get("typ")
    except RecursionError as exc:
        raise TokenInvalid("nested too deep") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise TokenInvalid("malformed") from exc
    if not isinstance(algorithm, str) or not isinstance(kid, str | None):
        raise TokenInvalid("malformed")
    if typ is not None and not (isinstance(typ, str) and typ.lower() in TYPES):  # RFC 8725, 3.11
        raise TokenInvalid(f"it is no access token: its header's typ is {claims.quoted(typ)}")
    return algorithm, kid

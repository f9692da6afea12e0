"""`flask ordercast token` and `check-token`: a token made for a test, and a token explained.

What is said of a token are its claims in part; never the token, and nothing of its signature.
"""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jwt

from ordercast.claims import TOKEN_ISSUER, put_claim
from ordercast.identity import Identity
from ordercast.settings import Settings
from ordercast.tokens import LOCAL_ALGORITHM

BEARER = "bearer "
UNSAID = frozenset({"csrf"})  # a value that is good for something itself
MAX_CLAIMS_CHARACTERS = 1000  # that are shown


def made(
    settings: Settings, secret: str, user_id: str, *, seconds: float, more: Mapping[str, Any]
) -> str:
    """An access token of this user, signed with the secret, that says what the settings ask for.
    `more`: claims by their dotted paths."""
    now = int(time.time())
    said: dict[str, Any] = {"type": "access", "jti": uuid4().hex, "iat": now}
    said |= {"exp": int(now + seconds), "iss": settings.JWT_ISSUER or TOKEN_ISSUER}
    if settings.JWT_AUDIENCE:
        said["aud"] = settings.JWT_AUDIENCE[0]
    put_claim(said, settings.JWT_USER_CLAIM, user_id)
    for path, value in more.items():
        put_claim(said, path, value)
    return jwt.encode(said, secret, LOCAL_ALGORITHM)


def pasted(text: str) -> str:
    """A token as people paste it: with spaces around it, or with the header's `Bearer`."""
    token = text.strip()
    return token[len(BEARER) :].strip() if token.lower().startswith(BEARER) else token


def words(identity: Identity) -> Iterator[str]:
    """What a token proves, a fact a line."""
    yield f"user: {identity.user_id}"
    yield f"rooms: {', '.join(identity.rooms) or 'none'}"
    if identity.expires_at is not None:
        moment = datetime.fromtimestamp(identity.expires_at, UTC).isoformat()
        yield f"ends: {moment}, in {identity.expires_at - time.time():.0f} s"
    said = {name: value for name, value in identity.claims.items() if name not in UNSAID}
    yield f"claims: {_shown(said)}"
    if identity.jti is None:
        yield "without jti: it cannot be revoked alone, only with its user"


def _shown(claims: dict[str, Any]) -> str:
    """As JSON, escaped: a claim must not move the cursor of a terminal."""
    try:
        return json.dumps(claims, default=str)[:MAX_CLAIMS_CHARACTERS]
    except RecursionError:
        return "nested too deep to be shown"

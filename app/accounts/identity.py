"""The identity of a caller, over HTTP and on sockets: a user with a role, which gives the rooms."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from app.accounts.models import Role
from ordercast import TokenIdentity, TokenInvalid

MAX_QUOTED_CHARACTERS = 40  # of a claim that a log line repeats
# Keep only the role of a token's claims; all connections of a role share one mapping.
CLAIMS = {role: MappingProxyType({"role": role.value}) for role in Role}


@dataclass(frozen=True, slots=True)
class Identity(TokenIdentity):
    """A user of the marketplace, with or without an account in its database."""

    @property
    def role(self) -> Role:
        return Role(self.claims["role"])


def identity_of(proven: TokenIdentity) -> Identity:
    """The marketplace's identity of a verified token. Raises TokenInvalid for a token without a
    role of this service."""
    role = _role(proven.claims)
    return Identity(
        proven.user_id,
        rooms=rooms_of(proven.user_id, role),
        expires_at=proven.expires_at,
        claims=CLAIMS[role],
        session=proven.session,
        jti=proven.jti,
        issued_at=proven.issued_at,
        is_local=proven.is_local,
    )


def rooms_of(user_id: str, role: Role) -> tuple[str, ...]:
    """The rooms that this user's connections join, and whose events they may read."""
    if role is Role.SELLER:
        return (f"user:{user_id}", f"seller:{user_id}")
    return (f"user:{user_id}",)


def _role(claims: Mapping[str, Any]) -> Role:
    if "role" not in claims:
        raise TokenInvalid("it has no role")
    value = claims["role"]
    try:
        return Role(value)
    except ValueError as exc:
        said = repr(value[:MAX_QUOTED_CHARACTERS]) if isinstance(value, str) else "no text"
        raise TokenInvalid(f"its role {said} is none of this service") from exc

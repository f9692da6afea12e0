"""The identity of a caller, over HTTP and on sockets: a user with a role, which gives the rooms."""

from dataclasses import dataclass
from types import MappingProxyType

from app.roles import Role, RoleClaim
from ordercast import TokenIdentity

OWN = RoleClaim()  # of the tokens that are made here
# Keep only the role of a token's claims; all connections of a role share one mapping.
CLAIMS = {role: MappingProxyType({"role": role.value}) for role in Role}


@dataclass(frozen=True, slots=True)
class Identity(TokenIdentity):
    """A user of the marketplace, with or without an account in its database."""

    @property
    def role(self) -> Role:
        return Role(self.claims["role"])


def identity_of(proven: TokenIdentity, role_claim: RoleClaim = OWN) -> Identity:
    """The marketplace's identity of a verified token. `role_claim`: where the issuer's tokens name
    the role."""
    role = (OWN if proven.is_local else role_claim).role(proven.claims)
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

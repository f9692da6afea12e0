"""Roles, and how the claim of another issuer names them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ordercast import claim_at


class Role(StrEnum):
    CUSTOMER = "customer"
    SELLER = "seller"
    ADMIN = "admin"


HIGHEST_FIRST = (Role.ADMIN, Role.SELLER, Role.CUSTOMER)
OWN = {role.value: role for role in Role}  # name in a token: role


@dataclass(frozen=True, slots=True)
class RoleClaim:
    """`path`: of the claim, dotted; its value is a text or a list. `names`: name in it: role."""

    path: str = "role"
    names: Mapping[str, Role] = field(default_factory=lambda: OWN)

    def role(self, claims: Mapping[str, Any]) -> Role:
        """The role of a token's user: of several the highest, customer if no name fits."""
        said = claim_at(claims, self.path)
        listed = said if isinstance(said, list) else [said]
        found = {self.names.get(name) for name in listed if isinstance(name, str)}
        return next((role for role in HIGHEST_FIRST if role in found), Role.CUSTOMER)

    def name(self, role: Role) -> str:
        """A name that says this role; the role's own if there is none."""
        return next((name for name, named in self.names.items() if named is role), role.value)


def read_names(text: str) -> dict[str, Role]:
    """`seller=SELLER|realm-seller,admin=ops` -> name: role. Raises ValueError."""
    found: dict[str, Role] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        role, equals, names = part.partition("=")
        listed = [name.strip() for name in names.split("|") if name.strip()]
        if role.strip() not in OWN or not equals or not listed:
            raise ValueError(f"expected seller=NAME|NAME,admin=NAME, not {part[:100]!r}")
        for name in listed:
            if found.setdefault(name, Role(role.strip())) != role.strip():
                raise ValueError(f"{name[:100]!r} is of two roles")
    return found

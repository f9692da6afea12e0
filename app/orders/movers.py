"""Who moves orders."""

from enum import StrEnum
from typing import NamedTuple


class MoverKind(StrEnum):
    CUSTOMER = "customer"
    SELLER = "seller"
    ADMIN = "admin"
    EXPIRY = "expiry"  # the worker, which cancels what stayed pending for too long


class Mover(NamedTuple):
    kind: MoverKind
    user_id: str | None  # a token's `sub`; None: no user


EXPIRY = Mover(MoverKind.EXPIRY, None)

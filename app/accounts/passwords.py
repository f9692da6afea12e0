"""Password hashes: argon2id with argon2-cffi's defaults (RFC 9106, low memory), the memory taken
from the settings, made in the process's hashing thread.

Passwords are hashed in NFKC: keyboards compose the same letters differently. Older hashes without
NFKC are accepted, and replaced at the next login.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from secrets import token_hex
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from flask import Flask, current_app, has_app_context

from app.accounts.hashing import HashingPlace
from app.config import Settings

T = TypeVar("T")

EXTENSION, HASHER = "hashing", "password_hasher"
_default = PasswordHasher()


@dataclass(frozen=True, slots=True)
class Checked:
    """`new_hash`: the replacement of a stored hash that is out of date, else None."""

    fits: bool
    new_hash: str | None = None


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.extensions[EXTENSION] = HashingPlace(settings.MAX_LOGINS_WAITING)
    app.extensions[HASHER] = PasswordHasher(memory_cost=settings.PASSWORD_HASH_KIB)


def normalised(password: str) -> str:
    """The form in which passwords are compared (Unicode's NFKC)."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """The encoded argon2id hash, with its parameters and salt. Raises TooBusy."""
    return _in_its_place(partial(_hasher().hash, normalised(password)))


def check_password(stored: str | None, password: str) -> Checked:
    """Whether the password fits. `stored` None, no such user, takes as long and does not fit.
    Raises TooBusy."""
    checked = _in_its_place(partial(_check, _hasher(), stored, password))
    return checked if stored is not None else Checked(fits=False)


def _check(hasher: PasswordHasher, stored: str | None, password: str) -> Checked:
    usual = normalised(password)
    encoded = stored or _nobody(hasher)
    if _fits(hasher, encoded, usual):
        outdated = hasher.check_needs_rehash(encoded)
    elif usual != password and _fits(hasher, encoded, password):
        outdated = True
    else:
        return Checked(fits=False)
    return Checked(fits=True, new_hash=hasher.hash(usual) if outdated else None)


def _fits(hasher: PasswordHasher, encoded: str, password: str) -> bool:
    try:
        return hasher.verify(encoded, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _nobody(hasher: PasswordHasher) -> str:
    return hasher.hash(token_hex())


def _hasher() -> PasswordHasher:
    return current_app.extensions[HASHER] if has_app_context() else _default


def _in_its_place(function: Callable[[], T]) -> T:
    if not has_app_context():
        return function()
    place: HashingPlace = current_app.extensions[EXTENSION]
    return place.run(function)

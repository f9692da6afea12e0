"""Password hashes: argon2id with the library's profile (RFC 9106, the low-memory one) unless the
settings say how much memory one takes, made in the process's hashing place.

A password is the same however a keyboard composes its letters: it is hashed in NFKC. Hashes from
before that was so are recognised, and made anew at the next login.
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
    """`new_hash`: what to keep in the place of the stored one, which is out of date."""

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
    """Whether the password fits. With None for "no such user" it takes as long and does not.
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

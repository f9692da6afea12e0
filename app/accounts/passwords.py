"""Password hashes: argon2id with the library's profile (RFC 9106, the low-memory one), made in the
process's hashing place.

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

T = TypeVar("T")

EXTENSION = "hashing"
_hasher = PasswordHasher()


@dataclass(frozen=True, slots=True)
class Checked:
    """`new_hash`: what to keep in the place of the stored one, which is out of date."""

    fits: bool
    new_hash: str | None = None


def init_app(app: Flask) -> None:
    app.extensions[EXTENSION] = HashingPlace(app.config["SETTINGS"].MAX_LOGINS_WAITING)


def normalised(password: str) -> str:
    """The form in which passwords are compared (Unicode's NFKC)."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """The encoded argon2id hash, with its parameters and salt. Raises TooBusy."""
    return _in_its_place(partial(_hasher.hash, normalised(password)))


def check_password(stored: str | None, password: str) -> Checked:
    """Whether the password fits. With None for "no such user" it takes as long and does not.
    Raises TooBusy."""
    checked = _in_its_place(partial(_check, stored, password))
    return checked if stored is not None else Checked(fits=False)


def _check(stored: str | None, password: str) -> Checked:
    usual = normalised(password)
    encoded = stored or _nobody()
    if _fits(encoded, usual):
        outdated = _hasher.check_needs_rehash(encoded)
    elif usual != password and _fits(encoded, password):
        outdated = True
    else:
        return Checked(fits=False)
    return Checked(fits=True, new_hash=_hasher.hash(usual) if outdated else None)


def _fits(encoded: str, password: str) -> bool:
    try:
        return _hasher.verify(encoded, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _hasher.hash(token_hex())


def _in_its_place(function: Callable[[], T]) -> T:
    if not has_app_context():
        return function()
    place: HashingPlace = current_app.extensions[EXTENSION]
    return place.run(function)

"""Password hashes: argon2id with the library's profile (RFC 9106, the low-memory one)."""

from collections.abc import Callable
from functools import cache
from secrets import token_hex
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from gevent import get_hub, monkey

T = TypeVar("T")

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """The encoded argon2id hash, with its parameters and salt."""
    return _beside_the_loop(_hasher.hash, password)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password fits. With None for "no such user" it takes as long and is False."""
    return _beside_the_loop(_verify, stored or _nobody(), password) and stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except VerifyMismatchError:
        return False


@cache
def _nobody() -> str:
    return _hasher.hash(token_hex())


def _beside_the_loop(function: Callable[..., T], *args: str) -> T:
    """Run in a real thread under gevent: tens of milliseconds would stall every connection."""
    if monkey.is_module_patched("threading"):
        return get_hub().threadpool.apply(function, args)  # type: ignore[no-any-return]
    return function(*args)

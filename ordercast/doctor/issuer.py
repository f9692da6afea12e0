"""The issuer of the tokens: its keys can be read, and no other service's tokens are accepted."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from ordercast.doctor.finding import Doubtful, Examination, Unhealthy
from ordercast.key_set import fetched, reason
from ordercast.keys import Key, keys_of, public_key
from ordercast.settings import Settings

UNREADABLE = (
    "Check ORDERCAST_JWT_JWKS_URL from this host. Processes that have read the keys go on with"
    " them; those that start now can accept nobody."
)
ANYBODY = "Set both as your issuer's tokens have them: others may be signed with the same keys."
PLAIN = "Use https: who answers in the issuer's place signs tokens for any user."
SECONDS = 10.0  # for a reading of the keys that ends by its own limit


def examinations(settings: Settings) -> Iterator[Examination]:
    yield Examination("issuer", lambda: _issuer(settings), seconds=SECONDS)


def _issuer(settings: Settings) -> str:
    if settings.JWT_JWKS_URL:
        keys = _published(settings.JWT_JWKS_URL)
        if not (settings.JWT_ISSUER or settings.JWT_AUDIENCE):
            raise Doubtful("ORDERCAST_JWT_ISSUER and ORDERCAST_JWT_AUDIENCE are not set", ANYBODY)
        if not _is_private(settings.JWT_JWKS_URL):
            raise Doubtful("its keys come by http, which anybody on the way can change", PLAIN)
        found = f"{len(keys)} at ORDERCAST_JWT_JWKS_URL, {_algorithms(keys)}"
    elif settings.JWT_PUBLIC_KEY:
        found = f"ORDERCAST_JWT_PUBLIC_KEY, {_algorithms([public_key(settings.JWT_PUBLIC_KEY)])}"
    else:
        is_secret = settings.JWT_SECRET_KEY is not None
        found = "ORDERCAST_JWT_SECRET_KEY" if is_secret else "none, and no token is verified"
    said = [f"keys: {found}"]
    if settings.JWT_ISSUER:
        said.append(f"tokens of {settings.JWT_ISSUER}")
    if settings.JWT_AUDIENCE:
        said.append(f"for {', '.join(settings.JWT_AUDIENCE)}")
    return "; ".join(said)


def _published(url: str) -> list[Key]:
    try:
        return keys_of(fetched(url))
    except (OSError, ValueError) as exc:
        raise Unhealthy(f"its keys cannot be read: {reason(exc)}", UNREADABLE) from exc


def _is_private(url: str) -> bool:
    """Whether nobody on the way can change the answer."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _algorithms(keys: list[Key]) -> str:
    return ", ".join(sorted({name for key in keys for name in key.algorithms}))

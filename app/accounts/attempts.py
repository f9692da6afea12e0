"""Logins and registrations, counted by address before a password is hashed. slowing.py handles a
login past its limit.

Failed logins have two counts, each in a window of a minute: of an address on one account, and of an
address on all accounts. A login that succeeds is subtracted again.
"""

import ipaddress
import math
import time
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import case, update
from sqlalchemy.orm import Session

from app.accounts.errors import TooManyAttempts
from app.accounts.models import LoginAttempts
from app.config import Settings
from app.db import transaction
from app.metrics import ATTEMPTS_OVER
from ordercast import upsert

WINDOW_SECONDS = 60
MAX_EMAIL_CHARACTERS = 254
MAX_ADDRESS_CHARACTERS = 64
IPV6_PREFIX = 64  # the least that a provider gives to one customer

# Stand in the column of the e-mail address, which is always in lower case.
ALL_ACCOUNTS, REGISTRATIONS = "LOGINS", "REGISTRATIONS"


@dataclass(frozen=True, slots=True)
class Over:
    """A login past a limit."""

    key: tuple[str, str]  # the address, and the account or ALL_ACCOUNTS
    refusal: TooManyAttempts


def network(address: str) -> str:
    """The unit that is counted as one address: the /64 of an IPv6 address, an IPv4 address in
    either notation."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # the peer of a Unix socket
        return address[:MAX_ADDRESS_CHARACTERS]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((ip, IPV6_PREFIX), strict=False))
        ip = ip.ipv4_mapped
    return str(ip)


def count_login(address: str, email: str) -> Over | None:
    """Count an attempt -> the limit that it exceeds, or None."""
    settings: Settings = current_app.config["SETTINGS"]
    address, email = network(address), email[:MAX_EMAIL_CHARACTERS]
    limits = (
        (ALL_ACCOUNTS, settings.LOGIN_ATTEMPTS_PER_ADDRESS_PER_MINUTE),
        (email, settings.LOGIN_ATTEMPTS_PER_MINUTE),
    )
    with transaction() as session:
        for account, limit in limits:
            seconds = _count(session, address, account, limit)
            if seconds is not None:
                ATTEMPTS_OVER.labels("address" if account == ALL_ACCOUNTS else "account").inc()
                # With slowing, a repeated attempt has a chance before the window ends.
                soon = math.ceil(settings.LOGIN_SLOWED_SECONDS) or seconds
                return Over(
                    (address, account), TooManyAttempts("failed logins", min(soon, seconds))
                )
    return None


def count_registration(address: str) -> None:
    """Count an attempt to register. Raises TooManyAttempts past the limit."""
    with transaction() as session:
        limit = current_app.config["SETTINGS"].REGISTRATIONS_PER_ADDRESS_PER_MINUTE
        seconds = _count(session, network(address), REGISTRATIONS, limit)
    if seconds is not None:
        ATTEMPTS_OVER.labels("registration").inc()
        raise TooManyAttempts("registrations from this address", seconds)


def take_back(session: Session, address: str, email: str) -> None:
    """Subtract a login that succeeded from the counts of failed logins."""
    # In the order of count_login: no deadlock.
    for account in (ALL_ACCOUNTS, email[:MAX_EMAIL_CHARACTERS]):
        session.execute(
            update(LoginAttempts)
            .where(LoginAttempts.address == network(address), LoginAttempts.email == account)
            .where(LoginAttempts.count > 0)
            .values(count=LoginAttempts.count - 1)
        )


def _count(session: Session, address: str, account: str, limit: int) -> int | None:
    """Seconds until the window ends if this attempt is past the limit, else None. A limit of 0 is
    off.

    One statement, so that attempts at the same moment are all counted, in any process.
    """
    if not limit:
        return None
    second = int(time.time())
    ended = LoginAttempts.window_start <= second - WINDOW_SECONDS
    tries, start = session.execute(
        upsert(session.get_bind(), LoginAttempts)
        .values(address=address, email=account, window_start=second, count=1)
        .on_conflict_do_update(
            index_elements=["address", "email"],
            set_={
                "count": case((ended, 1), else_=LoginAttempts.count + 1),
                "window_start": case((ended, second), else_=LoginAttempts.window_start),
            },
        )
        .returning(LoginAttempts.count, LoginAttempts.window_start)
    ).one()
    return max(1, start + WINDOW_SECONDS - second) if tries > limit else None

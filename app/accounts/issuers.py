"""Whose tokens count: one issuer's at a time, so that the users of two never share an id.

configured              tokens that are good                                      accounts here
only JWT_SECRET_KEY     of the logins here, of `flask token`, and of whoever      on
                        else holds the secret: all name users of one namespace
and LOCAL_ACCOUNTS=0    the same, but of no login here                            off
JWT_PUBLIC_KEY          of that key's owner, and of nobody else                   off

LOCAL_ACCOUNTS=1 beside JWT_PUBLIC_KEY stops the start (app/config.py).
"""

from flask import current_app

from app.accounts.errors import LocalAccountsOff
from app.config import Settings


def require_local_accounts() -> None:
    """Raises LocalAccountsOff where the users are another service's."""
    settings: Settings = current_app.config["SETTINGS"]
    if not settings.has_local_accounts:
        raise LocalAccountsOff

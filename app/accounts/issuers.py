"""Issuers: one at a time counts, so that users of two issuers never share an id.

configured              valid tokens                                              accounts here
only JWT_SECRET_KEY     of the logins here, of `flask token`, and of whoever      on
                        else holds the secret: all name users of one namespace
and LOCAL_ACCOUNTS=0    the same, except those of logins here                     off
and JWT_ISSUER          those with this `iss`, and of `flask token`               off
JWT_PUBLIC_KEY          of that key's owner alone                                 off
JWT_JWKS_URL            of the issuer that publishes its keys there alone         off

LOCAL_ACCOUNTS=1 beside one of the latter three stops the start (app/config.py).
"""

from flask import current_app
from sqlalchemy.orm import Session

from app.accounts.errors import LocalAccountsOff
from app.accounts.models import User
from app.config import Settings
from app.db import row_id


def has_local_accounts() -> bool:
    """Whether people register and log in here."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings.has_local_accounts


def may_be_a_user(session: Session, user_id: str) -> bool:
    """Whether the id has an account; with another issuer's accounts, always: they are not here."""
    settings: Settings = current_app.config["SETTINGS"]
    if not settings.has_local_accounts:
        return True
    number = row_id(user_id)
    return number is not None and session.get(User, number) is not None


def require_local_accounts() -> None:
    """Raises LocalAccountsOff when the users are another service's."""
    if not has_local_accounts():
        raise LocalAccountsOff

"""Commands for accounts, which are this service's own or another's."""

from app.accounts import issuers
from app.errors import MarketplaceError
from ordercast import fail


def require_local_accounts() -> None:
    """Fail a command that needs local accounts when the users are another service's."""
    try:
        issuers.require_local_accounts()
    except MarketplaceError as exc:
        fail(exc.code, exc.message)

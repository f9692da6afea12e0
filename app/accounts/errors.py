"""The errors of accounts."""

from app.errors import MarketplaceError
from ordercast import TokenExpired


class AccountError(MarketplaceError):
    """The root."""


class EmailTaken(AccountError):
    code = "email_taken"

    def __init__(self) -> None:
        super().__init__("This e-mail address already has an account.")


class InvalidCredentials(AccountError):
    code = "invalid_credentials"

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


class WrongPassword(AccountError):
    """403 and no 401: the token is good, and another one would not help."""

    code = "wrong_password"

    def __init__(self) -> None:
        super().__init__("The present password is another one.")


class PasswordRefused(AccountError):
    code = "password_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The new password {reason}.")


class TooManyAttempts(AccountError):
    code = "too_many_attempts"

    def __init__(self, of_what: str, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            f"Too many {of_what}; try again in {retry_after_seconds} s.",
            {"retryAfterSeconds": retry_after_seconds},
        )


class TooBusy(AccountError):
    code = "too_busy"

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(
            f"Too many people are logging in right now; try again in {retry_after_seconds} s.",
            {"retryAfterSeconds": retry_after_seconds},
        )


class AccountNotFound(AccountError):
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no account with this id.")


class AccountRequired(AccountError):
    code = "account_required"

    def __init__(self) -> None:
        super().__init__("The token is good, but its user has no account in this service.")


class AccountDisabled(AccountError):
    code = "account_disabled"

    def __init__(self) -> None:
        super().__init__("This account has been disabled.")


class OwnAccount(AccountError):
    """Administrators must not lock themselves out."""

    code = "own_account"

    def __init__(self) -> None:
        super().__init__("You cannot do this to your own account; another administrator can.")


class LocalAccountsOff(AccountError):
    code = "local_accounts_off"

    def __init__(self) -> None:
        super().__init__("The accounts and logins are another service's; there are none here.")


class TokenOutdated(TokenExpired):
    """The account has another role now: a refresh brings a token with that role."""

    text = "The token is out of date: the role of the account has changed. Refresh it."

"""The errors of notifications."""

from app.errors import MarketplaceError


class NotificationError(MarketplaceError):
    """The root."""


class UnknownUser(NotificationError):
    code = "unknown_user"

    def __init__(self, user_id: str) -> None:
        super().__init__(f"There is no account with the id {user_id}; nothing was sent.")


class NotificationNotFound(NotificationError):
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no such notification.")

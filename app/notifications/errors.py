"""The errors of notifications."""

from app.errors import MarketplaceError


class NotificationError(MarketplaceError):
    """The root."""


class NotificationNotFound(NotificationError):
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no such notification.")

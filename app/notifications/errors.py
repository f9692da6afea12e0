"""The errors of notifications."""

from app.errors import OrdercastError


class NotificationError(OrdercastError):
    """The root."""


class NotificationNotFound(NotificationError):
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no such notification.")

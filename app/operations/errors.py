"""The errors of operations."""

from app.errors import MarketplaceError


class OperationError(MarketplaceError):
    """The root."""


class EntryNotFound(OperationError):
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no such entry: it was tried again, or deleted.")


class EventNotFound(OperationError):
    """The text says whether it never existed or was pruned."""

    code = "not_found"

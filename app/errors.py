"""The root of every error that a caller can answer for.

    OrdercastError
      AccountError      app/accounts/errors.py
      CatalogError      app/catalog/errors.py
      OrderError        app/orders/errors.py
      NotificationError app/notifications/errors.py
      IdempotencyError  app/http/idempotency.py

`code` is part of the contract; app/http/errors.py says which status each has on HTTP. Nothing
here knows of HTTP or Socket.IO.
"""

from typing import Any, ClassVar


class OrdercastError(Exception):
    """An error with a code; `details` is plain JSON or None."""

    code: ClassVar[str]

    def __init__(self, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

"""The root of every error of the marketplace that a caller can answer for.

    OrdercastError        the library's, with the errors of tokens: ordercast/errors.py
      MarketplaceError
        RequestError      app/http/errors.py
        AccountError      app/accounts/errors.py
        CatalogError      app/catalog/errors.py
        OrderError        app/orders/errors.py
        NotificationError app/notifications/errors.py
        IdempotencyError  app/http/idempotency.py
        InvalidCursor     app/http/paging.py
      TokenExpired
        TokenOutdated     app/accounts/errors.py

`code` is part of the contract; app/http/errors.py says which status each has on HTTP. Nothing
here knows of HTTP or Socket.IO.
"""

from ordercast import OrdercastError


class MarketplaceError(OrdercastError):
    """An error with a code; `details` is plain JSON or None."""

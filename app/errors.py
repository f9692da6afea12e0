"""The root of the marketplace's errors.

    OrdercastError        the library's, with the errors of tokens: ordercast/errors.py
      MarketplaceError
        RequestError      app/http/errors.py
        AccountError      app/accounts/errors.py
        CatalogError      app/catalog/errors.py
        OrderError        app/orders/errors.py
        NotificationError app/notifications/errors.py
        OperationError    app/operations/errors.py
        IdempotencyError  app/http/idempotency.py
        InvalidCursor     app/http/paging.py
      TokenExpired
        TokenOutdated     app/accounts/errors.py

`code` is part of the contract; the statuses on HTTP are in app/http/errors.py. Nothing here depends
on HTTP or Socket.IO.
"""

from ordercast import OrdercastError


class MarketplaceError(OrdercastError):
    """An error with a code; `details` is plain JSON or None."""

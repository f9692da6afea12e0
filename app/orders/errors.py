"""The errors of orders."""

from app.errors import MarketplaceError
from app.events import Status
from app.orders.states import NEXT


class OrderError(MarketplaceError):
    """The root."""


class OrderNotFound(OrderError):
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no such order.")


class UnknownProduct(OrderError):
    code = "unknown_product"

    def __init__(self, ids: list[str]) -> None:
        super().__init__(f"There is no such product: {', '.join(ids)}.", {"productIds": ids})


class SeveralSellers(OrderError):
    code = "several_sellers"

    def __init__(self) -> None:
        super().__init__("One order buys from one seller: place one order for each.")


class SeveralCurrencies(OrderError):
    code = "several_currencies"

    def __init__(self) -> None:
        super().__init__("One order has one currency: place one order for each.")


class OrderTooLarge(OrderError):
    code = "order_too_large"

    def __init__(self, limit_cents: int) -> None:
        super().__init__(f"An order's total can be at most {limit_cents} cents.")


class MoveForbidden(OrderError):
    code = "forbidden"

    def __init__(self) -> None:
        super().__init__("A customer may only cancel an order, and only while it is pending.")


class InvalidTransition(OrderError):
    code = "invalid_transition"

    def __init__(self, current: Status, wanted: Status) -> None:
        allowed = sorted(NEXT[current])
        super().__init__(
            f"An order that is {current.value} cannot become {wanted.value}.",
            {"current": current, "wanted": wanted, "allowed": allowed},
        )


class VersionConflict(OrderError):
    code = "version_conflict"

    def __init__(self, current: int) -> None:
        super().__init__(
            "The order has changed since it was read; read it again.", {"currentVersion": current}
        )

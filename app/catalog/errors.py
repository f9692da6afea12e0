"""The errors of the catalog."""

from typing import Any

from app.errors import MarketplaceError


class CatalogError(MarketplaceError):
    """The root."""


class ProductNotFound(CatalogError):
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no such product.")


class OutOfStock(CatalogError):
    """`shortages`: [{productId, name, requested, available}], each product that falls short."""

    code = "out_of_stock"

    def __init__(self, shortages: list[dict[str, Any]]) -> None:
        names = ", ".join(shortage["name"] for shortage in shortages)
        super().__init__(f"Not enough in stock: {names}.", {"items": shortages})


class StockTooLarge(CatalogError):
    code = "stock_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"A product's stock can be at most {limit}.")

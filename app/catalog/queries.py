"""Reads of the catalog."""

from sqlalchemy import Select, select

from app.catalog.models import Product
from app.db import row_id


def products(*, seller_id: str | None) -> Select[Product]:
    """The products of one seller, or all."""
    query = select(Product)
    return (
        query if seller_id is None else query.where(Product.seller_id == (row_id(seller_id) or 0))
    )

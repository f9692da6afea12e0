"""Reads of the catalog."""

from typing import Any

from sqlalchemy import select

from app.catalog.models import Product
from app.catalog.wire import ProductView
from app.db import row_id
from app.paging import page


def products(
    *, seller_id: str | None, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of products, newest first, of one seller or all."""
    query = select(Product)
    if seller_id is not None:
        query = query.where(Product.seller_id == (row_id(seller_id) or 0))
    rows, following = page(query, Product.id, cursor=cursor, limit=limit)
    return [ProductView.model_validate(row).wire() for row in rows], following

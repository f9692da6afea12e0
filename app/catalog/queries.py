"""Reads of the catalog."""

from collections.abc import Collection

from sqlalchemy import Select, false, or_, select

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.catalog.errors import ProductNotFound
from app.catalog.models import Product, ProductPicture
from app.db import db, row_id


def products(
    identity: Identity, *, seller_id: str | None, ids: Collection[str] | None = None
) -> Select[Product]:
    """The products of one seller, or all; `ids`: of these alone. Hidden ones for their seller and
    admins only."""
    query = select(Product)
    if identity.role is not Role.ADMIN:
        own = Product.seller_id == (row_id(identity.user_id) or 0)
        query = query.where(or_(Product.hidden == false(), own))
    if ids is not None:
        query = query.where(Product.id.in_([row_id(text) or 0 for text in ids]))
    if seller_id is None:
        return query
    return query.where(Product.seller_id == (row_id(seller_id) or 0))


def picture(product_id: str) -> ProductPicture:
    """Raises ProductNotFound, also for a product without a picture."""
    number = row_id(product_id)
    found = db.session.get(ProductPicture, number) if number else None
    if found is None:
        raise ProductNotFound
    return found

"""Reads of the catalog."""

from sqlalchemy import Select, false, or_, select

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.catalog.errors import ProductNotFound
from app.catalog.models import Product, ProductPicture
from app.db import db, row_id


def products(identity: Identity, *, seller_id: str | None) -> Select[Product]:
    """The products of one seller, or all; hidden ones for their seller and admins only."""
    query = select(Product)
    if identity.role is not Role.ADMIN:
        own = Product.seller_id == (row_id(identity.user_id) or 0)
        query = query.where(or_(Product.hidden == false(), own))
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

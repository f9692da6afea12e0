"""Changes of products by their sellers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.service import require_account
from app.accounts.tokens import Identity
from app.catalog.errors import ProductNotFound
from app.catalog.models import Product, ProductPicture
from app.catalog.pictures import picture_of
from app.catalog.stock import change_stock
from app.catalog.wire import ProductView
from app.db import row_id, transaction
from app.once import Once


def create_product(
    seller: Identity,
    *,
    name: str,
    price_cents: int,
    currency: str,
    stock: int,
    low_stock_threshold: int,
    hidden: bool = False,
    once: Once | None = None,
) -> dict[str, Any]:
    """Offer a product -> its JSON. Raises AccountRequired."""
    with transaction() as session:
        if once and (first := once.first_answer(session)):
            return first
        product = Product(
            seller_id=require_account(session, seller).id,
            name=name,
            price_cents=price_cents,
            currency=currency,
            stock=stock,
            low_stock_threshold=low_stock_threshold,
            hidden=hidden,
        )
        session.add(product)
        session.flush()
        answer = ProductView.model_validate(product).wire()
        return once.keep(session, answer) if once else answer


def update_product(seller: Identity, product_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change name, price_cents, low_stock_threshold, hidden or picture (base64; None: none) -> its
    JSON. Raises ProductNotFound, also for another seller's product."""
    with transaction() as session:
        product = _own_product(session, seller, product_id)
        for field, value in changes.items():
            if field == "picture":
                _put_picture(session, product, value)
            else:
                setattr(product, field, value)
        session.flush()
        return ProductView.model_validate(product).wire()


def adjust_stock(
    seller: Identity,
    product_id: str,
    *,
    delta: int | None = None,
    stock: int | None = None,
    once: Once | None = None,
) -> dict[str, Any]:
    """Change the stock by `delta`, or set it to `stock` -> the product's JSON.

    Raises ProductNotFound, OutOfStock if it would fall below zero, StockTooLarge.
    """
    with transaction() as session:
        if once and (first := once.first_answer(session)):
            return first
        product = _own_product(session, seller, product_id)
        change_stock(session, product, (delta or 0) if stock is None else stock - product.stock)
        session.refresh(product)
        answer = ProductView.model_validate(product).wire()
        return once.keep(session, answer) if once else answer


def _put_picture(session: Session, product: Product, text: str | None) -> None:
    row = session.get(ProductPicture, product.id)
    if row is not None:
        session.delete(row)
        session.flush()
    product.picture_tag = None
    if text is not None:
        content_type, data = picture = picture_of(text)
        product.picture_tag = picture.tag
        session.add(ProductPicture(product_id=product.id, content_type=content_type, data=data))


def _own_product(session: Session, seller: Identity, product_id: str) -> Product:
    number = row_id(product_id)
    product = session.get(Product, number, with_for_update={"of": Product}) if number else None
    if product is None or str(product.seller_id) != seller.user_id:
        raise ProductNotFound
    return product

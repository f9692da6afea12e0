"""Changes of products by their sellers, and the only function that changes stock."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.service import require_account
from app.accounts.tokens import Identity
from app.catalog.errors import OutOfStock, ProductNotFound, StockTooLarge
from app.catalog.models import MAX_STOCK, Product
from app.catalog.wire import ProductView
from app.db import append, row_id, transaction
from app.emitters import Emitters
from app.once import Once

emitters = Emitters(append)


def create_product(
    seller: Identity,
    *,
    name: str,
    price_cents: int,
    currency: str,
    stock: int,
    low_stock_threshold: int,
    once: Once | None = None,
) -> dict[str, Any]:
    """Offer a product -> its JSON. Raises AccountRequired."""
    with transaction() as session:
        if once and (first := once.first_answer(session)):
            return first
        product = Product(
            seller=require_account(session, seller),
            name=name,
            price_cents=price_cents,
            currency=currency,
            stock=stock,
            low_stock_threshold=low_stock_threshold,
        )
        session.add(product)
        session.flush()
        answer = ProductView.model_validate(product).wire()
        return once.keep(session, answer) if once else answer


def update_product(seller: Identity, product_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change name, price_cents or low_stock_threshold -> its JSON. Raises ProductNotFound, also
    for another seller's product."""
    with transaction() as session:
        product = _own_product(session, seller, product_id)
        for field, value in changes.items():
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
        change_stock(product, (delta or 0) if stock is None else stock - product.stock)
        session.flush()
        answer = ProductView.model_validate(product).wire()
        return once.keep(session, answer) if once else answer


def lock_products(session: Session, ids: list[int]) -> dict[int, Product]:
    """The products with a lock on each row, in id order so that two orders never deadlock."""
    rows = session.scalars(
        select(Product)
        .where(Product.id.in_(ids))
        .order_by(Product.id)
        .with_for_update(of=Product)
        .execution_options(populate_existing=True)
    )
    return {product.id: product for product in rows}


def change_stock(product: Product, delta: int) -> None:
    """Within a transaction that holds the product's lock: change the stock, and send low-stock to
    the seller when it falls from above the threshold to the threshold or below."""
    before, after = product.stock, product.stock + delta
    if after < 0:
        raise OutOfStock([shortage(product, -delta)])
    if after > MAX_STOCK:
        raise StockTooLarge(MAX_STOCK)
    product.stock = after
    if before > product.low_stock_threshold >= after:
        emitters.low_stock_alert(product.seller_id, product)


def shortage(product: Product, requested: int) -> dict[str, Any]:
    """The entry of OutOfStock's details for a product."""
    return {
        "productId": str(product.id),
        "name": product.name,
        "requested": requested,
        "available": product.stock,
    }


def _own_product(session: Session, seller: Identity, product_id: str) -> Product:
    number = row_id(product_id)
    product = lock_products(session, [number]).get(number) if number else None
    if product is None or str(product.seller_id) != seller.user_id:
        raise ProductNotFound
    return product

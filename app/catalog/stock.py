"""The stock of products: read under a lock, and changed, by statements that are built once."""

from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Table, bindparam, false, select, update
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.catalog.errors import OutOfStock, StockTooLarge
from app.catalog.models import MAX_STOCK, Product
from app.db import announce
from app.emitters import Announcing

emitters = Announcing(announce)

PRODUCTS, USERS = Product.__table__, User.__table__
assert isinstance(PRODUCTS, Table)


class Stocked(Protocol):
    """A product whose row is locked."""

    @property
    def id(self) -> int: ...
    @property
    def seller_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def stock(self) -> int: ...
    @property
    def low_stock_threshold(self) -> int: ...


class Offer(NamedTuple):
    """A product as it is sold, its row locked."""

    id: int
    seller_id: int
    seller_name: str
    name: str
    price_cents: int
    currency: str
    stock: int
    low_stock_threshold: int
    hidden: bool


LOCKED = (
    select(
        PRODUCTS.c.id,
        PRODUCTS.c.seller_id,
        USERS.c.name,
        PRODUCTS.c.name,
        PRODUCTS.c.price_cents,
        PRODUCTS.c.currency,
        PRODUCTS.c.stock,
        PRODUCTS.c.low_stock_threshold,
        PRODUCTS.c.hidden,
    )
    .join_from(PRODUCTS, USERS, USERS.c.id == PRODUCTS.c.seller_id)
    .where(PRODUCTS.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(PRODUCTS.c.id)
    .with_for_update(of=PRODUCTS)
)
CHANGE = (
    update(PRODUCTS).where(PRODUCTS.c.id == bindparam("product")).values(stock=bindparam("after"))
)


# One statement for the usual order, of one product: it locks the row, and changes it.
SELL = (
    update(PRODUCTS)
    .where(
        PRODUCTS.c.id == bindparam("product"),
        PRODUCTS.c.stock >= bindparam("quantity"),
        PRODUCTS.c.hidden == false(),
    )
    .values(stock=PRODUCTS.c.stock - bindparam("quantity"))
    .returning(
        PRODUCTS.c.id,
        PRODUCTS.c.seller_id,
        select(USERS.c.name)
        .where(USERS.c.id == PRODUCTS.c.seller_id)
        .correlate(PRODUCTS)
        .scalar_subquery(),
        PRODUCTS.c.name,
        PRODUCTS.c.price_cents,
        PRODUCTS.c.currency,
        PRODUCTS.c.stock,
        PRODUCTS.c.low_stock_threshold,
        PRODUCTS.c.hidden,
    )
)


def sell(session: Session, product_id: int, quantity: int) -> Offer | None:
    """Take a quantity of a product from its stock -> the product with the stock that is left, and
    low-stock sent as by change_stock; None without such a product, or without as many, or
    while it is hidden."""
    row = session.connection().execute(SELL, {"product": product_id, "quantity": quantity}).first()
    if row is None:
        return None
    offer = Offer(*row)
    _warn_if_low(offer, before=offer.stock + quantity, after=offer.stock)
    return offer


def lock_offers(session: Session, ids: Collection[int]) -> dict[int, Offer]:
    """The products with a lock on each row, in id order so that two orders never deadlock."""
    rows = session.connection().execute(LOCKED, {"ids": list(ids)})
    return {row[0]: Offer(*row) for row in rows}


def change_stock(session: Session, product: Stocked, delta: int) -> None:
    """Within a transaction that holds the product's lock: change the stock, once, and send
    low-stock to the seller when it falls from above the threshold to the threshold or below.
    Raises OutOfStock, StockTooLarge."""
    before, after = product.stock, product.stock + delta
    if after < 0:
        raise OutOfStock([shortage(product, -delta)])
    if after > MAX_STOCK:
        raise StockTooLarge(MAX_STOCK)
    session.connection().execute(CHANGE, {"product": product.id, "after": after})
    _warn_if_low(product, before=before, after=after)


def _warn_if_low(product: Stocked, *, before: int, after: int) -> None:
    if before > product.low_stock_threshold >= after:
        low = {"id": product.id, "name": product.name, "stock": after}
        emitters.low_stock_alert(product.seller_id, low)


def shortage(product: Stocked, requested: int) -> dict[str, Any]:
    """The entry of OutOfStock's details for a product."""
    return {
        "productId": str(product.id),
        "name": product.name,
        "requested": requested,
        "available": product.stock,
    }

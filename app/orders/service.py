"""The only writer of orders. Each function is one transaction, in which the change and the events
that announce it commit together."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import events
from app.accounts.models import Role
from app.accounts.service import require_account
from app.accounts.tokens import Identity
from app.catalog.errors import OutOfStock
from app.catalog.models import MAX_STOCK, Product
from app.catalog.service import change_stock, lock_products, shortage
from app.db import append, db, now, row_id, transaction
from app.emitters import Emitters
from app.events import MAX_SAFE_INTEGER, Status
from app.once import Once
from app.orders.errors import (
    InvalidTransition,
    MoveForbidden,
    OrderNotFound,
    OrderTooLarge,
    SeveralCurrencies,
    SeveralSellers,
    UnknownProduct,
    VersionConflict,
)
from app.orders.models import Order, OrderLine
from app.orders.states import CUSTOMER_MOVES, NEXT, RESTOCKS

EXPIRY_BATCH = 50  # orders in one step
MAX_TOTAL_CENTS = MAX_SAFE_INTEGER

emitters = Emitters(append)


def place_order(
    customer: Identity, quantities: dict[str, int], *, once: Once | None = None
) -> dict[str, Any]:
    """Buy {product id: quantity} -> the order's JSON.

    Raises UnknownProduct, SeveralSellers, SeveralCurrencies, OutOfStock, OrderTooLarge,
    AccountRequired.
    """
    with transaction() as session:
        if once and (first := once.first_answer(session)):
            return first
        buyer = require_account(session, customer)
        products = _products_for(session, quantities)
        lines = [
            OrderLine(
                product_id=product.id,
                name=product.name,
                quantity=quantity,
                unit_price_cents=product.price_cents,
            )
            for product, quantity in products
        ]
        total = sum(line.quantity * line.unit_price_cents for line in lines)
        if total > MAX_TOTAL_CENTS:
            raise OrderTooLarge(MAX_TOTAL_CENTS)
        seller = products[0][0].seller
        order = Order(
            user=buyer,
            seller=seller,
            items=lines,
            total_cents=total,
            currency=products[0][0].currency,
        )
        session.add(order)
        for product, quantity in products:
            change_stock(product, -quantity)
        session.flush()
        payload = events.Order.model_validate(order)
        emitters.order_placed(order.customer_id, payload)
        emitters.new_order_for_seller(order.seller_id, payload)
        answer = payload.wire()
        return once.keep(session, answer) if once else answer


def change_status(
    actor: Identity, order_id: str, wanted: Status, *, version: int | None = None
) -> dict[str, Any]:
    """Move an order -> its JSON.

    Raises OrderNotFound (also for strangers), MoveForbidden, VersionConflict, InvalidTransition.
    """
    with transaction() as session:
        order = _locked_order(session, order_id)
        if order is None or not _is_party(order, actor):
            raise OrderNotFound
        current = Status(order.status)
        sells = actor.role is Role.SELLER and actor.user_id == str(order.seller_id)
        if not (sells or actor.role is Role.ADMIN) and (current, wanted) not in CUSTOMER_MOVES:
            raise MoveForbidden
        if version is not None and version != order.version:
            raise VersionConflict(order.version)
        return _move(session, order, wanted)


def cancel_expired(older_than: timedelta, limit: int = EXPIRY_BATCH) -> int:
    """Cancel up to `limit` orders that stayed pending longer than `older_than`. Returns how many
    were read: a full batch means that there may be more."""
    expired = db.session.scalars(
        select(Order.id)
        .where(Order.status == Status.PENDING, Order.created_at < now() - older_than)
        .order_by(Order.created_at)
        .limit(limit)
    ).all()
    for order_id in expired:
        cancel_if_pending(order_id)
    return len(expired)


def cancel_if_pending(order_id: int) -> bool:
    """Cancel an order unless it was moved since it was read -> whether it was cancelled."""
    with transaction() as session:
        order = _locked_order(session, str(order_id))
        if order is None or order.status != Status.PENDING:
            return False
        _move(session, order, Status.CANCELLED)
    return True


def _move(session: Session, order: Order, wanted: Status) -> dict[str, Any]:
    current = Status(order.status)
    if wanted not in NEXT[current]:
        raise InvalidTransition(current, wanted)
    if wanted in RESTOCKS:
        products = lock_products(session, [line.product_id for line in order.items])
        for line in order.items:
            product = products[line.product_id]
            # Cap at MAX_STOCK: a seller who filled up the stock must not block a cancellation.
            change_stock(product, min(line.quantity, MAX_STOCK - product.stock))
    order.status = wanted
    session.flush()
    emitters.order_status_update(order.customer_id, order)
    payload = events.Order.model_validate(order)
    emitters.new_order_for_seller(order.seller_id, payload)
    return payload.wire()


def _products_for(session: Session, quantities: dict[str, int]) -> list[tuple[Product, int]]:
    ids = {product_id: row_id(product_id) for product_id in quantities}
    found = lock_products(session, [number for number in ids.values() if number])
    unknown = [text for text, number in ids.items() if number not in found]
    if unknown:
        raise UnknownProduct(unknown)
    # Keep them in id order, as later reads do: the answer, the event and reads list lines alike.
    products = [(product, quantities[str(number)]) for number, product in found.items()]
    if len({product.seller_id for product, _ in products}) > 1:
        raise SeveralSellers
    if len({product.currency for product, _ in products}) > 1:
        raise SeveralCurrencies
    short = [
        shortage(product, quantity) for product, quantity in products if product.stock < quantity
    ]
    if short:
        raise OutOfStock(short)
    return products


def _locked_order(session: Session, order_id: str) -> Order | None:
    number = row_id(order_id)
    return session.get(Order, number, with_for_update={"of": Order}) if number else None


def _is_party(order: Order, identity: Identity) -> bool:
    return identity.role is Role.ADMIN or identity.user_id in (
        str(order.customer_id),
        str(order.seller_id),
    )

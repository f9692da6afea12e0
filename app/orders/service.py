"""The only writer of orders. Each function is one transaction, in which the change and the events
that announce it commit together."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.errors import AccountRequired
from app.accounts.models import Role
from app.accounts.service import Account
from app.accounts.tokens import Identity
from app.catalog.errors import OutOfStock
from app.catalog.models import MAX_STOCK
from app.catalog.stock import Offer, change_stock, lock_offers, sell, shortage
from app.db import announce, db, now, row_id, transaction
from app.emitters import Announcing
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
from app.orders.models import Order
from app.orders.movers import EXPIRY, Mover, MoverKind
from app.orders.rows import Line, OrderRow, insert_order, lock_order, move_order
from app.orders.states import CUSTOMER_MOVES, NEXT, RESTOCKS

EXPIRY_BATCH = 50  # orders in one step
MAX_TOTAL_CENTS = MAX_SAFE_INTEGER

emitters = Announcing(announce)


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
        buyer_id = row_id(customer.user_id)
        if buyer_id is None:
            raise AccountRequired
        offers = _sold(session, quantities)
        lines = [
            Line(offer.id, offer.name, quantity, offer.price_cents) for offer, quantity in offers
        ]
        total = sum(line.quantity * line.unit_price_cents for line in lines)
        if total > MAX_TOTAL_CENTS:
            raise OrderTooLarge(MAX_TOTAL_CENTS)
        offer, _ = offers[0]  # all have its seller and its currency
        order = insert_order(
            session,
            buyer_id=buyer_id,
            seller=Account(offer.seller_id, offer.seller_name),
            lines=lines,
            total_cents=total,
            currency=offer.currency,
        )
        payload = order.payload()
        emitters.order_placed(buyer_id, payload)
        emitters.new_order_for_seller(offer.seller_id, payload)
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
        mover = _mover(order, actor)
        if mover.kind is MoverKind.CUSTOMER and (order.status, wanted) not in CUSTOMER_MOVES:
            raise MoveForbidden
        if version is not None and version != order.version:
            raise VersionConflict(order.version)
        return _move(session, order, wanted, mover)


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
        _move(session, order, Status.CANCELLED, EXPIRY)
    return True


def _move(session: Session, order: OrderRow, wanted: Status, mover: Mover) -> dict[str, Any]:
    if wanted not in NEXT[order.status]:
        raise InvalidTransition(order.status, wanted)
    if wanted in RESTOCKS:
        offers = lock_offers(session, [line.product_id for line in order.lines])
        for line in order.lines:
            offer = offers[line.product_id]
            # Cap at MAX_STOCK: a seller who filled up the stock must not block a cancellation.
            change_stock(session, offer, min(line.quantity, MAX_STOCK - offer.stock))
    payload = move_order(session, order, wanted, mover).payload()
    emitters.order_status_update(order.buyer.id, payload)
    emitters.new_order_for_seller(order.seller.id, payload)
    return payload.wire()


def _sold(session: Session, quantities: dict[str, int]) -> list[tuple[Offer, int]]:
    """The products, and how many of each were taken from its stock."""
    ids = {product_id: row_id(product_id) for product_id in quantities}
    if len(ids) == 1 and (sold := _sold_alone(session, ids, quantities)):
        return [sold]
    found = lock_offers(session, [number for number in ids.values() if number])
    unknown = [text for text, number in ids.items() if number not in found or found[number].hidden]
    if unknown:
        raise UnknownProduct(unknown)
    # Keep them in id order, as later reads do: the answer, the event and reads list lines alike.
    offers = [(offer, quantities[str(number)]) for number, offer in found.items()]
    if len({offer.seller_id for offer, _ in offers}) > 1:
        raise SeveralSellers
    if len({offer.currency for offer, _ in offers}) > 1:
        raise SeveralCurrencies
    if short := [shortage(offer, count) for offer, count in offers if offer.stock < count]:
        raise OutOfStock(short)
    for offer, count in offers:
        change_stock(session, offer, -count)
    return offers


def _sold_alone(
    session: Session, ids: dict[str, int | None], quantities: dict[str, int]
) -> tuple[Offer, int] | None:
    [(product_id, number)] = ids.items()
    quantity = quantities[product_id]
    offer = sell(session, number, quantity) if number else None
    return None if offer is None else (offer, quantity)


def _locked_order(session: Session, order_id: str) -> OrderRow | None:
    number = row_id(order_id)
    return lock_order(session, number) if number else None


def _mover(order: OrderRow, actor: Identity) -> Mover:
    kind = MoverKind.CUSTOMER
    if actor.role is Role.ADMIN:
        kind = MoverKind.ADMIN
    elif actor.role is Role.SELLER and actor.user_id == str(order.seller.id):
        kind = MoverKind.SELLER
    return Mover(kind, actor.user_id)


def _is_party(order: OrderRow, identity: Identity) -> bool:
    return identity.role is Role.ADMIN or identity.user_id in (
        str(order.buyer.id),
        str(order.seller.id),
    )

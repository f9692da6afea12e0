"""Reads of orders. Users see only the orders that they are a party to."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from app import events
from app.accounts.models import Role, User
from app.accounts.tokens import Identity
from app.db import db, row_id
from app.orders.errors import OrderNotFound
from app.orders.models import NUMBER_PREFIX, Order, OrderLine
from app.orders.timeline import Timeline, timeline_of


def order(identity: Identity, order_id: str) -> dict[str, Any]:
    """An order's JSON. Raises OrderNotFound, also for an order of other users."""
    return events.Order.model_validate(_row(identity, order_id)).wire()


def timeline(identity: Identity, order_id: str) -> dict[str, Any]:
    """An order's Timeline as JSON. Raises OrderNotFound, also for an order of other users."""
    return Timeline(moves=timeline_of(db.session(), _row(identity, order_id))).wire()


def _row(identity: Identity, order_id: str) -> Order:
    query = _visible(identity).where(Order.id == (row_id(order_id) or 0))
    row = db.session.scalars(query).one_or_none()
    if row is None:
        raise OrderNotFound
    return row


def orders(
    identity: Identity,
    *,
    statuses: Collection[str] | None = None,
    placed_from: datetime | None = None,
    placed_before: datetime | None = None,
    words: Collection[str] = (),
) -> Select[Order]:
    """The user's orders, bought or sold, and of all users for an admin. Each of `words` is part of
    the number, the customer's or a product's name."""
    query = _visible(identity)
    if statuses is not None:
        query = query.where(Order.status.in_(statuses))
    if placed_from is not None:
        query = query.where(Order.created_at >= placed_from)
    if placed_before is not None:
        query = query.where(Order.created_at < placed_before)
    return query.where(*map(_has, words))


def _has(word: str) -> ColumnElement[bool]:
    named = or_(
        Order.user.has(User.name.icontains(word, autoescape=True)),
        Order.items.any(OrderLine.name.icontains(word, autoescape=True)),
    )
    number = row_id(word.upper().removeprefix(NUMBER_PREFIX).lstrip("0"))
    return named if number is None else or_(named, Order.id == number)


def _visible(identity: Identity) -> Select[Order]:
    query = select(Order)
    if identity.role is Role.ADMIN:
        return query
    number = row_id(identity.user_id) or 0
    return query.where(or_(Order.customer_id == number, Order.seller_id == number))

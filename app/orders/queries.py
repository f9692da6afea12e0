"""Reads of orders. Users see only the orders that they are a party to."""

from typing import Any

from sqlalchemy import Select, or_, select

from app import events
from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.db import db, row_id
from app.orders.errors import OrderNotFound
from app.orders.models import Order


def order(identity: Identity, order_id: str) -> dict[str, Any]:
    """An order's JSON. Raises OrderNotFound, also for an order of other users."""
    query = _visible(identity).where(Order.id == (row_id(order_id) or 0))
    row = db.session.scalars(query).one_or_none()
    if row is None:
        raise OrderNotFound
    return events.Order.model_validate(row).wire()


def orders(identity: Identity, *, status: str | None) -> Select[Order]:
    """The user's orders, bought or sold; all of them for an admin."""
    query = _visible(identity)
    return query if status is None else query.where(Order.status == status)


def _visible(identity: Identity) -> Select[Order]:
    query = select(Order)
    if identity.role is Role.ADMIN:
        return query
    number = row_id(identity.user_id) or 0
    return query.where(or_(Order.customer_id == number, Order.seller_id == number))

"""The rows of an order as a change reads and writes them, by statements that are built once.

To build them, and to map their rows to objects, costs more than to run them. Lists and snapshots
read models.Order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, insert, literal_column, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import events
from app.accounts.errors import AccountRequired
from app.accounts.models import User
from app.accounts.service import Account
from app.db import now
from app.events import Status
from app.orders.models import Order, OrderLine, OrderMove, expires_at, order_number
from app.orders.movers import Mover

ORDERS, LINES, MOVES = Order.__table__, OrderLine.__table__, OrderMove.__table__
assert isinstance(ORDERS, Table)
assert isinstance(LINES, Table)
assert isinstance(MOVES, Table)
USERS = User.__table__
BUYERS, SELLERS = USERS.alias(), USERS.alias()


class Line(NamedTuple):
    """A product in an order, with its name and price at that time."""

    product_id: int
    name: str
    quantity: int
    unit_price_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    id: int
    status: Status
    buyer: Account
    seller: Account
    lines: Sequence[Line]  # in the order of their products
    total_cents: int
    currency: str
    version: int
    created_at: datetime
    updated_at: datetime

    def payload(self) -> events.Order:
        """The order as everybody sees it."""
        return events.Order.model_validate(
            {
                "id": self.id,
                "order_number": order_number(self.id),
                "status": self.status,
                "user": self.buyer._asdict(),
                "seller": self.seller._asdict(),
                "items": [line._asdict() for line in self.lines],
                "total_cents": self.total_cents,
                "currency": self.currency,
                "version": self.version,
                "created_at": self.created_at,
                "updated_at": self.updated_at,
                "expires_at": expires_at(self.status, self.created_at),
            }
        )


BUYER = select(USERS.c.name).where(USERS.c.id == literal_column("customer_id")).scalar_subquery()
INSERT_ORDER = insert(ORDERS).returning(ORDERS.c.id, BUYER)
INSERT_LINE = insert(LINES)
LOCKED = (
    select(
        ORDERS.c.status,
        ORDERS.c.customer_id,
        BUYERS.c.name,
        ORDERS.c.seller_id,
        SELLERS.c.name,
        ORDERS.c.total_cents,
        ORDERS.c.currency,
        ORDERS.c.version,
        ORDERS.c.created_at,
        ORDERS.c.updated_at,
        LINES.c.product_id,
        LINES.c.name,
        LINES.c.quantity,
        LINES.c.unit_price_cents,
    )
    .join_from(ORDERS, BUYERS, BUYERS.c.id == ORDERS.c.customer_id)
    .join(SELLERS, SELLERS.c.id == ORDERS.c.seller_id)
    .outerjoin(LINES, LINES.c.order_id == ORDERS.c.id)
    .where(ORDERS.c.id == bindparam("order"))
    .order_by(LINES.c.product_id)
    .with_for_update(of=ORDERS)
)
MOVE = (
    update(ORDERS)
    .where(ORDERS.c.id == bindparam("order"))
    .values(status=bindparam("wanted"), version=bindparam("next"), updated_at=bindparam("moment"))
)
KEEP_MOVE = insert(MOVES).values(
    order_id=bindparam("order"),
    version=bindparam("next"),
    status=bindparam("wanted"),
    created_at=bindparam("moment"),
    mover=bindparam("mover"),
    user_id=bindparam("mover_id"),
)
# One round trip for both. SQLite has none to save, and knows no INSERT in a WITH.
MOVE_AND_KEEP = MOVE.add_cte(KEEP_MOVE.cte("kept"))


def insert_order(
    session: Session,
    *,
    buyer_id: int,
    seller: Account,
    lines: Sequence[Line],
    total_cents: int,
    currency: str,
) -> OrderRow:
    """A new order, pending. Raises AccountRequired without such a buyer: the key to its account is
    the database's check."""
    moment, status = now(), Status.PENDING
    connection = session.connection()
    row: dict[str, Any] = {
        "status": status,
        "customer_id": buyer_id,
        "seller_id": seller.id,
        "total_cents": total_cents,
        "currency": currency,
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
    }
    try:
        order_id, buyer = connection.execute(INSERT_ORDER, row).one()
    except IntegrityError as exc:
        raise AccountRequired from exc
    connection.execute(INSERT_LINE, [{"order_id": order_id, **line._asdict()} for line in lines])
    return OrderRow(
        id=order_id,
        status=status,
        buyer=Account(buyer_id, buyer),
        seller=seller,
        lines=lines,
        total_cents=total_cents,
        currency=currency,
        version=1,
        created_at=moment,
        updated_at=moment,
    )


def lock_order(session: Session, order_id: int) -> OrderRow | None:
    """The order, with a lock on its row."""
    rows = session.connection().execute(LOCKED, {"order": order_id}).all()
    if not rows:
        return None
    status, buyer_id, buyer, seller_id, seller, total_cents, *rest = rows[0][:10]
    currency, version, created_at, updated_at = rest
    return OrderRow(
        id=order_id,
        status=Status(status),
        buyer=Account(buyer_id, buyer),
        seller=Account(seller_id, seller),
        lines=[Line._make(row[10:]) for row in rows if row[10] is not None],
        total_cents=total_cents,
        currency=currency,
        version=version,
        created_at=created_at,
        updated_at=updated_at,
    )


def move_order(session: Session, order: OrderRow, wanted: Status, mover: Mover) -> OrderRow:
    """Give an order that is locked another status, and keep by whom -> the order."""
    moved = replace(order, status=wanted, version=order.version + 1, updated_at=now())
    values = {
        "order": order.id,
        "wanted": wanted,
        "next": moved.version,
        "moment": moved.updated_at,
        "mover": mover.kind,
        "mover_id": mover.user_id,
    }
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(MOVE_AND_KEEP, values)
    else:
        connection.execute(MOVE, values)
        connection.execute(KEEP_MOVE, values)
    return moved

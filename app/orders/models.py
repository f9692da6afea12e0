"""The tables of orders."""

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import User
from app.db import Base, BigId, UtcDateTime, now
from app.events import Status
from ordercast import MAX_SUBJECT_CHARACTERS

NUMBER_PREFIX = "OC-"


class OrderLine(Base):
    """A product in an order, with its name and price at that time."""

    __tablename__ = "order_items"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[int] = mapped_column(Integer)
    unit_price_cents: Mapped[int] = mapped_column(Integer)

    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    status: Mapped[str] = mapped_column(String(16), default=Status.PENDING)
    customer_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    total_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))  # ISO 4217
    version: Mapped[int] = mapped_column(Integer)  # counts changes, from 1
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)

    user: Mapped[User] = relationship(foreign_keys=customer_id, lazy="joined", innerjoin=True)
    seller: Mapped[User] = relationship(foreign_keys=seller_id, lazy="joined", innerjoin=True)
    items: Mapped[list[OrderLine]] = relationship(
        lazy="selectin", order_by=OrderLine.product_id, cascade="all"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - the database's guard against a lost update
    __table_args__ = (
        Index("ix_orders_status_created_at", "status", "created_at"),
        CheckConstraint("total_cents >= 0", name="total_not_negative"),
    )

    @property
    def order_number(self) -> str:
        return order_number(self.id)

    @property
    def expires_at(self) -> datetime | None:
        return expires_at(self.status, self.created_at)


class OrderMove(Base):
    """A move of an order to another status. Placing it is none: the order's row says when."""

    __tablename__ = "order_moves"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)  # the order's, after the move
    status: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    mover: Mapped[str | None] = mapped_column(String(16))  # None: moved before moves were kept
    user_id: Mapped[str | None] = mapped_column(String(MAX_SUBJECT_CHARACTERS))  # None: by itself


def order_number(order_id: int) -> str:
    """The order's name for people: OC- and the id in eight digits."""
    return f"{NUMBER_PREFIX}{order_id:08d}"


def expires_at(status: str, created_at: datetime) -> datetime | None:
    """When an order is cancelled by itself; None unless it is pending and expiry is on."""
    minutes: float = current_app.config["SETTINGS"].PENDING_MINUTES
    if status != Status.PENDING or not minutes:
        return None
    return created_at + timedelta(minutes=minutes)

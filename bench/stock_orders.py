"""The peer of bench/orders.py: the shop's two calls, as a Flask team writes them by hand.

Flask-SQLAlchemy, Flask-JWT-Extended, and Flask-SocketIO's emit after the commit; the tables, rows,
answers and events are ours. DATABASE_URL and DATABASE_POOL come from the environment, and the
variables of bench/stock.py, which has the sockets.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from flask import abort, request
from flask_jwt_extended import get_jwt, get_jwt_identity, jwt_required
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship

from bench.stock import app, socketio

PENDING = timedelta(minutes=30)
NEXT = {
    "pending": {"confirmed", "cancelled"},
    "confirmed": {"processing", "cancelled"},
    "processing": {"shipped", "cancelled"},
    "shipped": {"delivered"},
    "delivered": {"refunded"},
}


Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]


class Base(DeclarativeBase):
    pass


app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"].replace(
    "postgresql://", "postgresql+psycopg://"
)
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": int(os.environ["DATABASE_POOL"])}
db = SQLAlchemy(app, model_class=Base)


def now() -> datetime:
    return datetime.now(UTC)


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    price_cents: Mapped[int]
    currency: Mapped[str]
    stock: Mapped[int]
    updated_at: Mapped[Moment] = mapped_column(onupdate=now)
    seller: Mapped[User] = relationship()


class OrderLine(Base):
    __tablename__ = "order_items"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    name: Mapped[str]
    quantity: Mapped[int]
    unit_price_cents: Mapped[int]


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(default="pending")
    customer_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    total_cents: Mapped[int]
    currency: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[Moment] = mapped_column(default=now)
    updated_at: Mapped[Moment] = mapped_column(default=now, onupdate=now)
    customer: Mapped[User] = relationship(foreign_keys=customer_id)
    seller: Mapped[User] = relationship(foreign_keys=seller_id)
    items: Mapped[list[OrderLine]] = relationship(order_by=OrderLine.product_id)

    def as_json(self) -> dict[str, Any]:
        is_pending = self.status == "pending"
        return {
            "id": str(self.id),
            "orderNumber": f"OC-{self.id:08d}",
            "status": self.status,
            "user": {"id": str(self.customer_id), "name": self.customer.name},
            "seller": {"id": str(self.seller_id), "name": self.seller.name},
            "items": [
                {
                    "productId": str(line.product_id),
                    "name": line.name,
                    "quantity": line.quantity,
                    "unitPriceCents": line.unit_price_cents,
                }
                for line in self.items
            ],
            "totalCents": self.total_cents,
            "currency": self.currency,
            "version": self.version,
            "createdAt": self.created_at.isoformat(),
            "updatedAt": self.updated_at.isoformat(),
            "expiresAt": (self.created_at + PENDING).isoformat() if is_pending else None,
        }


@app.post("/api/orders")
@jwt_required()
def place_order() -> tuple[dict[str, Any], int]:
    if get_jwt()["role"] != "customer":
        abort(403)
    [item] = request.get_json()["items"]
    product = db.session.scalar(
        select(Product)
        .where(Product.id == int(item["productId"]))
        .options(joinedload(Product.seller, innerjoin=True))
        .with_for_update(of=Product)
    )
    if product is None:
        abort(422)
    if product.stock < item["quantity"]:
        abort(409)
    customer = db.session.get(User, int(get_jwt_identity()))
    if customer is None:
        abort(403)
    product.stock -= item["quantity"]
    line = OrderLine(
        product_id=product.id,
        name=product.name,
        quantity=item["quantity"],
        unit_price_cents=product.price_cents,
    )
    order = Order(
        customer=customer,
        seller=product.seller,
        items=[line],
        total_cents=line.quantity * line.unit_price_cents,
        currency=product.currency,
    )
    db.session.add(order)
    db.session.flush()
    answer = order.as_json()
    db.session.commit()
    socketio.emit("order:new", answer, to=f"seller:{answer['seller']['id']}")
    return answer, 201


@app.patch("/api/orders/<int:order_id>/status")
@jwt_required()
def change_status(order_id: int) -> dict[str, Any]:
    body = request.get_json()
    order = db.session.scalar(
        select(Order)
        .where(Order.id == order_id)
        .options(joinedload(Order.customer, innerjoin=True))
        .options(joinedload(Order.seller, innerjoin=True))
        .with_for_update(of=Order)
    )
    if order is None or str(order.seller_id) != get_jwt_identity():
        abort(404)
    if body.get("version", order.version) != order.version:
        abort(409)
    if body["status"] not in NEXT.get(order.status, ()):
        abort(409)
    order.status = body["status"]
    order.version += 1
    db.session.flush()
    answer = order.as_json()
    db.session.commit()
    short = {name: answer[name] for name in ("id", "orderNumber", "status")}
    socketio.emit("order:status", short, to=f"user:{answer['user']['id']}")
    socketio.emit("order:new", answer, to=f"seller:{answer['seller']['id']}")
    return answer

"""A shop with a factory: orders in its database, its staff and each customer in rooms of their own;
what changes is committed, and then emitted."""

import os
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, join_room
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ordercast import Ordercast
from tests.e2e.apps import WITH_ORDERCAST


class Base(DeclarativeBase):
    """The shop's models."""


db, socketio = SQLAlchemy(model_class=Base), SocketIO()


class Order(Base):
    __tablename__ = "shop_orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]
    status: Mapped[str]


@socketio.on("connect")
def connect(auth: Any = None) -> bool:
    if not isinstance(auth, dict):
        return False
    join_room("staff" if auth.get("staff") else f"customer:{auth['customer']}")
    return True


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE"]
    db.init_app(app)
    if WITH_ORDERCAST:
        Ordercast().init_app(app, socketio, engine=lambda: db.engine)
    else:
        socketio.init_app(app, message_queue=app.config["ORDERCAST_REDIS_URL"])
    with app.app_context():
        db.create_all()

    @app.post("/orders")
    def place() -> dict[str, int]:
        order = Order(customer=request.get_json(), status="new")
        db.session.add(order)
        db.session.commit()
        socketio.emit("order:new", {"number": order.id}, to="staff")
        return {"id": order.id}

    @app.post("/orders/<int:id>/<status>")
    def change(id: int, status: str) -> dict[str, str]:
        order = db.session.get_one(Order, id)
        order.status = status
        db.session.commit()
        payload = {"number": id, "status": status}
        socketio.emit("order:status", payload, to=f"customer:{order.customer}")
        return {"status": status}

    return app

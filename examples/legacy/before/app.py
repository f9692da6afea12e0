"""Bento, a food delivery: customers follow their orders, restaurants get new ones, and both chat
about an order."""

import os
from datetime import UTC, datetime, timedelta

from flask import Flask, abort, request, session
from flask_socketio import ConnectionRefusedError, SocketIO, emit, join_room, leave_room
from flask_sqlalchemy import SQLAlchemy
from werkzeug.security import check_password_hash, generate_password_hash

LATE = timedelta(seconds=float(os.environ.get("LATE_SECONDS", "600")))  # without a cook's answer

db = SQLAlchemy()
socketio = SocketIO()


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(120), unique=True, nullable=False)
    password = db.Column(db.String(200), nullable=False)
    role = db.Column(db.String(20), nullable=False)  # customer, owner
    restaurant = db.Column(db.Integer)  # of an owner


class Order(db.Model):
    __tablename__ = "orders"
    id = db.Column(db.Integer, primary_key=True)
    customer = db.Column(db.ForeignKey("users.id"), nullable=False)
    restaurant = db.Column(db.Integer, nullable=False)
    dish = db.Column(db.String(80), nullable=False)
    status = db.Column(db.String(20), nullable=False, default="new")
    placed_at = db.Column(db.DateTime, nullable=False, default=lambda: datetime.now(UTC))
    late = db.Column(db.Boolean, nullable=False, default=False)

    def shown(self):
        return {"id": self.id, "dish": self.dish, "status": self.status, "late": self.late}

    def seen_by(self, user):
        return user.id == self.customer or user.restaurant == self.restaurant


class Message(db.Model):
    __tablename__ = "messages"
    id = db.Column(db.Integer, primary_key=True)
    order = db.Column(db.ForeignKey("orders.id"), nullable=False)
    author = db.Column(db.ForeignKey("users.id"), nullable=False)
    text = db.Column(db.String(500), nullable=False)


def current_user():
    return db.session.get(User, session["user"]) if "user" in session else None


def required_user():
    return current_user() or abort(401)


@socketio.on("connect")
def connect():
    user = current_user()
    if user is None:
        raise ConnectionRefusedError("sign in first")
    join_room(f"user:{user.id}")
    if user.role == "owner":
        join_room(f"restaurant:{user.restaurant}")


@socketio.on("chat:open")
def open_chat(order_id):
    order = db.session.get(Order, order_id)
    if order is None or not order.seen_by(current_user()):
        return {"error": "no such order"}
    join_room(f"order:{order.id}")
    return {"messages": [m.text for m in db.session.query(Message).filter_by(order=order.id)]}


@socketio.on("chat:close")
def close_chat(order_id):
    leave_room(f"order:{order_id}")


@socketio.on("chat:say")
def say(order_id, text):
    order, user = db.session.get(Order, order_id), current_user()
    if order is None or not order.seen_by(user):
        return {"error": "no such order"}
    message = Message(order=order.id, author=user.id, text=text)
    db.session.add(message)
    db.session.commit()
    emit("chat:message", {"order": order.id, "by": user.role, "text": text}, to=f"order:{order.id}")
    return {"id": message.id}


def watch_kitchens(app):
    """Tell restaurants of orders that nobody has begun to cook."""
    while True:
        socketio.sleep(1)
        with app.app_context():
            old = Order.placed_at < datetime.now(UTC) - LATE
            waiting = Order.query.filter_by(status="new", late=False).filter(old)
            for order in waiting.all():
                claimed = Order.query.filter_by(id=order.id, late=False).update({"late": True})
                db.session.commit()
                if claimed:
                    socketio.emit(
                        "order:late", {"id": order.id}, to=f"restaurant:{order.restaurant}"
                    )


def create_app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    db.init_app(app)
    socketio.init_app(app, message_queue=os.environ["REDIS_URL"])

    @app.post("/register")
    def register():
        given = request.get_json()
        password = generate_password_hash(given.pop("password"))
        user = User(**given, password=password)
        db.session.add(user)
        db.session.commit()
        return {"id": user.id}, 201

    @app.post("/login")
    def login():
        given = request.get_json()
        user = User.query.filter_by(email=given["email"]).first()
        if user is None or not check_password_hash(user.password, given["password"]):
            abort(401)
        session["user"] = user.id
        return {"id": user.id}

    @app.get("/orders")
    def orders():
        user = required_user()
        mine = (Order.customer == user.id) | (Order.restaurant == user.restaurant)
        return {"orders": [order.shown() for order in Order.query.filter(mine)]}

    @app.post("/orders")
    def place():
        user, given = required_user(), request.get_json()
        order = Order(customer=user.id, restaurant=given["restaurant"], dish=given["dish"])
        db.session.add(order)
        db.session.commit()
        socketio.emit("order:new", order.shown(), to=f"restaurant:{order.restaurant}")
        return order.shown(), 201

    @app.post("/orders/<int:order_id>/<status>")
    def move(order_id, status):
        user, order = required_user(), db.get_or_404(Order, order_id)
        if user.role != "owner" or not order.seen_by(user):
            abort(403)
        order.status = status
        db.session.commit()
        socketio.emit("order:status", order.shown(), to=f"user:{order.customer}")
        return order.shown()

    with app.app_context():
        db.create_all()
    socketio.start_background_task(watch_kitchens, app)
    return app

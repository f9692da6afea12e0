"""A team's app with options of its own in `SocketIO(...)`, for test_socketio_options.py."""

import json
import os
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, emit
from flask_sqlalchemy import SQLAlchemy

from ordercast import Ordercast


class Json:
    """A JSON module of the team's."""

    loads = staticmethod(json.loads)

    @staticmethod
    def dumps(value: Any, **options: Any) -> str:
        return json.dumps(value, default=lambda one: f"<{one.__name__}>", **options)


db, cast = SQLAlchemy(), Ordercast()
socketio = SocketIO(
    path="live/socket",
    ping_interval=(7.5, 1),
    ping_timeout=3,
    max_http_buffer_size=2000,
    cookie={"name": "balancer", "path": "/live", "HttpOnly": True},
    cors_allowed_origins=["https://shop.example"],
    compression_threshold=200,
    json=Json,
)


def question(to: str, text: str) -> Any:
    return socketio.call("question", text, to=to, timeout=20)


def ask_me() -> str:
    try:
        return str(question(request.sid, "to the same client"))  # type: ignore[attr-defined]
    except RuntimeError as exc:
        return str(exc)


def ask_in_the_background() -> None:
    def ask(sid: str) -> None:
        socketio.emit("answered", question(sid, "from a background task"), to=sid)

    socketio.start_background_task(ask, request.sid)  # type: ignore[attr-defined]


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    db.init_app(app)
    cast.init_app(app, socketio, engine=lambda: db.engine)
    for handler in (ask_me, ask_in_the_background):
        socketio.on_event(handler.__name__, handler)
    socketio.on_event("pid", os.getpid)
    socketio.on_event("ask", lambda sid: question(sid, "of another client"))
    socketio.on_event("large", lambda: "x" * 1000)
    socketio.on_event("json", lambda: emit("json", {"type": int}))

    @app.get("/ask/<sid>")
    def ask(sid: str) -> str:
        return str(question(sid, "from a request"))

    return app

"""A chat without identities, whose SocketIO(app) is initialised before Ordercast comes."""

import os
from typing import Any

from flask import Flask
from flask_socketio import SocketIO, emit, join_room
from flask_sqlalchemy import SQLAlchemy

from ordercast import Ordercast

app = Flask(__name__)
app.config.from_prefixed_env()
socketio = SocketIO(app, path="/live", ping_interval=7)
db = SQLAlchemy(app)
cast = Ordercast()
cast.init_app(app, socketio, engine=lambda: db.engine)


@cast.may_join
def may_join(room: str, auth: Any, _environ: dict[str, Any]) -> bool:
    return room in auth["rooms"]


@socketio.on("enter")
def enter(room: str) -> str:
    join_room(room)
    return "welcome"


@socketio.on("say")
def say(room: str, text: str) -> int:
    emit("said", {"text": text}, to=room)
    return os.getpid()


def create_app() -> Flask:
    return app

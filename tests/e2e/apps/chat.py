"""A chat in one module: a SocketIO(app) at its top, handlers, and a thread that sends to all."""

import os
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, emit
from sqlalchemy import create_engine

from ordercast import Ordercast
from tests.e2e.apps import WITH_ORDERCAST

app = Flask(__name__)
app.config.from_prefixed_env()
engine = create_engine(os.environ["DATABASE"])
socketio = SocketIO(app, cors_allowed_origins="*")
if WITH_ORDERCAST:
    Ordercast().init_app(app, socketio, engine=lambda: engine)


def count(times: int, seconds: float) -> None:
    for number in range(times):
        socketio.emit("tick", {"number": number})
        socketio.sleep(seconds)
    socketio.emit("tock", {"ticks": times})


@socketio.on("connect")
def connect() -> None:
    emit("welcome", {"sid": request.sid})  # type: ignore[attr-defined]


@socketio.on("say")
def say(text: Any) -> str:
    emit("said", {"text": text}, broadcast=True)
    emit("said", {"text": "you said it"})
    return "heard"


@app.post("/count")
def start() -> dict[str, str]:
    times, seconds = request.get_json()
    socketio.start_background_task(count, times, seconds)
    return {}

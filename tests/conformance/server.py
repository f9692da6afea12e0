"""A server for the protocols' own test suites, on the project's stack:

    PING_INTERVAL=0.3 PING_TIMEOUT=0.2 CONNECT_TIMEOUT=1 \\
        gunicorn -c gunicorn.conf.py tests.conformance.server:app

Socket.IO on /socket.io/ with the namespaces / and /custom, plain Engine.IO on /engine.io/.
"""

import os
from dataclasses import replace
from functools import partial
from typing import Any

import engineio
from flask import Flask
from flask_socketio import Namespace, SocketIO, emit

from ordercast.transport import Engine, Limits, attach
from tests.conformance.parts import Parts
from tests.harness.application.alone import Alone

MAX_MESSAGE_BYTES = 1_000_000  # the suites expect it


def number(name: str, default: float) -> float:
    return float(os.environ.get(name, default))


class Echo(Namespace):
    def on_connect(self, auth: Any = None) -> None:
        emit("auth", auth or {})

    def on_message(self, *arguments: Any) -> None:
        emit("message-back", arguments)

    def on_message_with_ack(self, *arguments: Any) -> tuple[Any, ...]:
        return arguments

    def trigger_event(self, event: str, *arguments: Any) -> Any:
        return super().trigger_event(event.replace("-", "_"), *arguments)


def echo(engine: Engine) -> None:
    engine.on("message", engine.send)
    engine.on("connect", lambda _sid, _environ: None)
    engine.on("disconnect", lambda _sid, _reason: None)


def create_app() -> Any:
    beat = Limits(
        ping_interval=number("PING_INTERVAL", 25),
        ping_timeout=number("PING_TIMEOUT", 20),
        max_message_bytes=MAX_MESSAGE_BYTES,
    )
    flask_app = Flask(__name__)
    socketio = SocketIO(async_mode="gevent", cors_allowed_origins="*")
    for path in ("/", "/custom"):
        socketio.on_namespace(Echo(path))
    limits = replace(beat, connect_timeout=number("CONNECT_TIMEOUT", 30))
    server = attach(socketio, flask_app, partial(Alone().server, limits=limits))
    plain = Engine(beat, async_mode="gevent", cors_allowed_origins="*")
    echo(plain)
    flask_app.wsgi_app = engineio.WSGIApp(plain, flask_app.wsgi_app)  # type: ignore[method-assign]
    flask_app.extensions["ordercast"] = Parts(server.eio, plain)
    return flask_app


app = create_app()

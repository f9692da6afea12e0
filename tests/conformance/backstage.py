"""A server whose connect handlers wait until a test lets them go on, and that tells what happened.

Started as tests/conformance/server.py is. A client gives a name in its CONNECT; then
`GET /told/<name>` is what its handlers saw, and `POST /go/<name>` lets it in.
"""

import gc
import os
from collections import defaultdict
from functools import partial
from typing import Any

import gevent
from flask import Flask, request
from flask_socketio import ConnectionRefusedError, Namespace, SocketIO
from gevent.event import Event

from ordercast.transport import Limits, attach
from ordercast.transport.handler import Handler
from tests.conformance.parts import Parts
from tests.harness.application.alone import Alone

ORIGIN = "http://shop.example"  # the only one that may connect
BROKEN = "broken"  # the name under which the namespace /broken tells
DATA = b"\x00tea\xff"  # that is broadcast

told: dict[str, list[list[Any]]] = defaultdict(list)
gates: dict[str, Event] = defaultdict(Event)
names: dict[str, str] = {}  # of sids


class Stage(Namespace):
    def on_connect(self, auth: Any) -> None:
        name = auth["name"]
        names[request.sid] = name  # type: ignore[attr-defined]
        told[name].append(["asked"])
        if auth.get("wait"):
            gates[name].wait()
        if auth.get("refuse"):
            raise ConnectionRefusedError("no")
        told[name].append(["accepted"])

    def on_message(self, what: Any) -> None:
        gevent.sleep(0)  # another might overtake it here
        told[names[request.sid]].append(["message", what])  # type: ignore[attr-defined]

    def on_disconnect(self, reason: str) -> None:
        told[names[request.sid]].append(["gone", reason])  # type: ignore[attr-defined]


class Memory(Namespace):
    """Keeps what it knows of a client in its session."""

    def on_connect(self, auth: Any) -> None:
        names[request.sid] = name = auth["name"]  # type: ignore[attr-defined]
        server = self.socketio.server
        server.save_session(request.sid, {"name": name}, self.namespace)  # type: ignore[attr-defined]

    def on_disconnect(self, reason: str) -> None:
        server, sid = self.socketio.server, request.sid  # type: ignore[attr-defined]
        with server.session(sid, self.namespace) as session:
            session["reason"] = reason
        told[names[sid]].append(
            [server.get_session(sid, self.namespace), server.transport(sid, self.namespace)]
        )


def broken(_sid: str, _environ: Any, _auth: Any = None) -> None:
    told[BROKEN].append(["asked"])
    raise TypeError("a fault of the handler, not of how it was called")


def create_app() -> Flask:
    app = Flask(__name__)
    limits = Limits(
        ping_interval=float(os.environ["PING_INTERVAL"]),
        ping_timeout=float(os.environ["PING_TIMEOUT"]),
    )
    socketio = SocketIO(async_mode="gevent", cors_allowed_origins=[ORIGIN])
    server = attach(socketio, app, partial(Alone().server, limits=limits))
    socketio.on_namespace(Stage("/"))
    socketio.on_namespace(Stage("/other"))
    socketio.on_namespace(Memory("/memory"))
    socketio.server.on("connect", broken, namespace="/broken")
    app.extensions["ordercast"] = Parts(server.eio)

    @app.get("/told/<name>")
    def tell(name: str) -> Any:
        return told[name]

    @app.post("/go/<name>")
    def go(name: str) -> Any:
        gates[name].set()
        return ""

    @app.post("/broadcast/<kind>")
    def broadcast(kind: str) -> Any:
        for namespace in ("/", "/other"):
            data = DATA if kind == "bytes" else "tea"
            socketio.emit("news", data, namespace=namespace)
        return ""

    @app.post("/end/<name>")
    def end(name: str) -> Any:
        """End the client's session: the transport is closed, as for all that ends one here."""
        server = socketio.server
        for sid in [sid for sid, known in names.items() if known == name]:
            for namespace in ("/", "/memory"):
                server.eio.disconnect(server.manager.eio_sid_from_sid(sid, namespace))
        return ""

    @app.post("/dismiss/<name>")
    def dismiss(name: str) -> Any:
        """Disconnect the client from its namespaces, as a handler does it."""
        for sid in [sid for sid, known in names.items() if known == name]:
            for namespace in ("/", "/memory"):
                socketio.server.disconnect(sid, namespace)
        return ""

    @app.get("/greenlets")
    def greenlets() -> Any:
        gc.collect()
        alive = [one for one in gc.get_objects() if isinstance(one, gevent.Greenlet)]
        return str(sum(not one.dead for one in alive))

    @app.get("/handlers")
    def handlers() -> Any:
        """HTTP handlers in memory, that of this request among them."""
        gc.collect()  # a handler and its request's environ hold each other
        return str(sum(isinstance(one, Handler) for one in gc.get_objects()))

    return app


app = create_app() if "PING_INTERVAL" in os.environ else None

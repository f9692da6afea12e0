"""Flask-SocketIO with a Socket.IO server of another class.

`SocketIO.init_app` makes a server of python-socketio's own class, and has no option for another. So
its other steps are done here, in the version that ordercast/pins.py names; no other module uses
what Flask-SocketIO does not document.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import flask
import flask.json
import socketio as socketio_package
from flask_socketio import SocketIO, _SocketIOMiddleware

ServerT = TypeVar("ServerT", bound=socketio_package.Server)

DEFAULT_PATH = "socket.io"
DEFAULT_CHANNEL = "flask-socketio"
# Of Flask-SocketIO itself, or of the client manager that it would make.
NOT_THE_SERVERS = ("channel", "manage_session", "message_queue", "path", "resource")


class ContextJson:
    """Flask's `json`, whose output depends on the application: always within its context."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app

    def dumps(self, *arguments: Any, **options: Any) -> str:
        with self._app.app_context():
            return flask.json.dumps(*arguments, **options)

    def loads(self, *arguments: Any, **options: Any) -> Any:
        with self._app.app_context():
            return flask.json.loads(*arguments, **options)


def take_back(socketio: SocketIO) -> None:
    """Take back what `SocketIO(app, ...)` or its `init_app` has done, so that the options and the
    handlers are those that it was given, as before: attach() goes on from there. Nothing to do for
    one that is not initialised, or by attach()."""
    server, options = socketio.server, socketio.server_options
    if type(server) is not socketio_package.Server:
        return
    if options.get("message_queue"):
        queue = options.pop("client_manager")  # which has not connected yet
        if queue.channel != DEFAULT_CHANNEL:
            options["channel"] = queue.channel
    middleware = getattr(socketio, "sockio_mw", None)
    if middleware is not None:
        options["path"] = middleware.engineio_path
    # Those from before the initialisation, and those from after it.
    socketio.handlers = [
        (name, handler, namespace)
        for namespace, handlers in server.handlers.items()
        for name, handler in handlers.items()
    ]
    socketio.namespace_handlers = list(server.namespace_handlers.values())


def attach(
    socketio: SocketIO,
    app: flask.Flask,
    make_server: Callable[..., ServerT],
    options: Mapping[str, Any] | None = None,
) -> ServerT:
    """As `socketio.init_app(app, **options)`, with the server that `make_server` makes of the
    options, and of those that the SocketIO was made with. These stay as they are: the same SocketIO
    may be attached to another application.

    Returns the server, which has the handlers that were registered before."""
    given = {**socketio.server_options, **(options or {})}
    if "manage_session" in given:
        socketio.manage_session = given["manage_session"]
    server = make_server(**_server_options(app, given))
    socketio.server, socketio.async_mode = server, server.async_mode
    for name, handler, namespace in socketio.handlers:
        server.on(name, handler, namespace=namespace)
    for namespace_handler in socketio.namespace_handlers:
        server.register_namespace(namespace_handler)
    app.extensions["socketio"] = socketio
    middleware = getattr(socketio, "sockio_mw", None)
    if middleware is not None and middleware.flask_app is app:
        middleware.engineio_app = server  # where it is: others may stand around it by now
    else:
        socketio.sockio_mw = _SocketIOMiddleware(server, app, socketio_path=path_of(given))
        app.wsgi_app = socketio.sockio_mw  # type: ignore[method-assign]
    return server


def path_of(options: Mapping[str, Any]) -> str:
    """The path of the endpoint, without slashes at its ends."""
    return str(options.get("path") or options.get("resource") or DEFAULT_PATH).strip("/")


def _server_options(app: flask.Flask, given: Mapping[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in given.items() if name not in NOT_THE_SERVERS}
    if options.get("json") is flask.json:
        options["json"] = ContextJson(app)
    if os.environ.get("FLASK_RUN_FROM_CLI") and options.get("async_mode") is None:
        options["async_mode"] = "threading"  # `flask run` patches nothing
    return options

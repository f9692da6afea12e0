"""The team's connect handlers, as Flask-SocketIO calls them, and the errors that it swallows.

Flask-SocketIO hands an error to `on_error`, `on_error_default` or `Namespace.error`, and then
accepts the client; and it calls a handler that raises TypeError again, without the client's auth.
Here the error handler runs as well, an error always refuses the client, and a handler runs once.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from inspect import signature
from typing import Any

from flask_socketio import SocketIO

Handler = Callable[..., Any]

_errors: ContextVar[list[Exception] | None] = ContextVar("errors", default=None)


@contextmanager
def kept_errors() -> Iterator[list[Exception]]:
    """The errors of the connect handlers that are called meanwhile, swallowed ones too."""
    errors: list[Exception] = []
    token = _errors.set(errors)
    try:
        yield errors
    finally:
        _errors.reset(token)


def keep_errors(socketio: SocketIO) -> None:
    """Let `kept_errors` have the errors of this object's handlers; calling it again is harmless."""
    if "_handle_event" in vars(socketio):
        return
    handle_event = socketio._handle_event

    def handle(handler: Handler, message: str, *arguments: Any) -> Any:
        once = _called_once(handler) if message == "connect" else handler
        return handle_event(once, message, *arguments)

    socketio._handle_event = handle


def _called_once(handler: Handler) -> Handler:
    """The handler for Flask-SocketIO to call as handler(auth), and after a TypeError as handler():
    runs once, with the auth if it takes it."""
    # A handler that is compared by its value has no hash.
    takes_auth = (_known if isinstance(handler, Hashable) else _takes_auth)(handler)
    failed: Exception | None = None

    def call(*arguments: Any) -> Any:
        nonlocal failed
        if failed is not None:
            raise failed
        try:
            return handler(*arguments) if takes_auth else handler()
        except Exception as exc:
            failed = exc
            errors = _errors.get()
            if errors is not None:
                errors.append(exc)
            raise

    return call


def _takes_auth(handler: Handler) -> bool:
    try:
        signature(handler).bind(None)
    except TypeError:
        return False
    except ValueError:  # of a builtin, which has no signature
        pass
    return True


_known = lru_cache(_takes_auth)  # a signature takes 14 us, and each connect asks for it

"""Listening on a port of the host; gunicorn's master imports this and no more."""

import os
import socket

BACKLOG = 16
VARIABLE = (
    "ORDERCAST_METRICS_LISTENER"  # the descriptor, in the environment of a master's processes
)


def listen(port: int) -> socket.socket:
    """A socket that listens on all addresses of the host. Raises OSError."""
    return socket.create_server(("0.0.0.0", port), backlog=BACKLOG)  # noqa: S104, as PORT


def hand_on(listener: socket.socket) -> None:
    """Leave the socket to the processes that this one forks."""
    os.environ[VARIABLE] = str(listener.detach())


def inherited() -> socket.socket | None:
    """The socket that the process that forked this one has handed on."""
    descriptor = os.environ.get(VARIABLE)
    return None if descriptor is None else socket.socket(fileno=os.dup(int(descriptor)))

"""What the answer to a request may ask of the HTTP connection that the request came on; the server
puts it into the environ."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import _socket

CONNECTION = "transport.connection"  # in the environ


class HttpConnection(Protocol):
    client_address: Any

    def keep_open(self) -> None:
        """The client is to ask again on it, also if the process shuts down."""

    def take(self) -> tuple[_socket.socket, bytes]:
        """The non-blocking socket, and the bytes that came after the request; both are the
        caller's now."""

    def watched(self, hang_up: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `hang_up` if the client closes the connection before it has its answer."""

    def fileno(self) -> int: ...
    def raw(self) -> bytes:
        """The request as it came, and what came after it."""

    def release(self) -> None:
        """The connection is another process's: close this copy of its descriptor."""

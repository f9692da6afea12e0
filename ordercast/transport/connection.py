"""The HTTP connection of a request, as far as the code that answers may use it; the server puts the
connection into the environ."""

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
        """Keep the connection for the client's next request, also if the process shuts down."""

    def detach(self) -> tuple[_socket.socket, bytes]:
        """Detach the non-blocking socket, with the bytes that came after the request; both are the
        caller's now."""

    def watched(self, hang_up: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `hang_up` if the client closes the connection before it has its answer."""

    def fileno(self) -> int: ...
    def raw(self) -> bytes:
        """The bytes of the request as they came, and those that came after them."""

    def release(self) -> None:
        """The connection is another process's: close this copy of its descriptor."""

"""The network between clients and a service: it can cut, be down, or lose things in silence."""

import socket
import threading
from contextlib import suppress

from tests.harness.waiting import DEADLINE_SECONDS


class Link:
    """One connection through the proxy."""

    def __init__(self, client: socket.socket, port: int) -> None:
        self.silent = False  # what either side sends is lost, also that it closes
        self._ends = client, socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        for one, other in (self._ends, self._ends[::-1]):
            one.settimeout(None)
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not self.silent:
                    sink.sendall(data)
        if not self.silent:
            self.cut()

    def say(self, data: bytes) -> None:
        self._ends[0].sendall(data)

    def cut(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        for end in self._ends:
            end.close()


class Proxy:
    """Listens on a port of its own; `url` is where clients go."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._down = False
        self._lock = threading.Lock()
        self._links: list[Link] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.address}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                self._let_through(client)
            except OSError:  # also when the service itself is down
                client.close()

    def _let_through(self, client: socket.socket) -> None:
        with self._lock:  # nobody slips through while it goes down
            if self._down:
                raise ConnectionRefusedError
            self._links.append(Link(client, self._port))

    def say(self, data: bytes) -> None:
        """Something on the way speaks to the clients in the service's place."""
        with self._lock:
            for link in self._links:
                link.say(data)

    def silence(self) -> None:
        """Half-open: neither end hears any more of the connections there are, nor that they end.
        New ones work."""
        with self._lock:
            for link in self._links:
                link.silent = True

    def cut(self) -> None:
        with self._lock:
            for link in self._links:
                link.cut()

    def down(self) -> None:
        """Cut, and let nobody through until it is `up`."""
        with self._lock:
            self._down = True
        self.cut()

    def lead_to(self, port: int) -> None:
        """New connections go there; those there are stay where they are."""
        self._port = port

    def up(self) -> None:
        self._down = False

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for link in self._links:
            link.close()

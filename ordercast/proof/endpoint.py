"""Where the service is, as a client is told."""

import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECT_SECONDS = 10.0
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    port: int
    is_tls: bool
    path: str  # of Socket.IO, `/socket.io/`

    @classmethod
    def of(cls, url: str, path: str) -> "Endpoint":
        """Of the service's URL, and the path of its Socket.IO there. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError(f"{url!r} is no URL of a service, as https://staging.example.org")
        is_tls = parts.scheme == "https"
        prefix = parts.path.rstrip("/")
        port = parts.port or PORTS[parts.scheme]
        return cls(parts.hostname, port, is_tls, f"{prefix}/{path.strip('/')}/")

    @property
    def authority(self) -> str:
        """The value of `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = PORTS["https" if self.is_tls else "http"]
        return host if self.port == usual else f"{host}:{self.port}"

    def connect(self) -> socket.socket:
        """A TCP connection, with TLS if the URL has it. Raises OSError."""
        plain = socket.create_connection((self.host, self.port), CONNECT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.is_tls:
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

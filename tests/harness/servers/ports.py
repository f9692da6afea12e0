"""Ports of the loopback."""

import secrets
import socket

# Below the ports that the kernel gives to outgoing connections, any of which could take a free one
# before its server listens; above those that browsers refuse.
LOWEST, HIGHEST = 11_000, 32_000
_given: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on now, and that nobody in this process was given before."""
    while True:
        port = secrets.choice(range(LOWEST, HIGHEST))
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

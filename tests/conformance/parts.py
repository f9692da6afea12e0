"""What gunicorn.conf.py finds in an application, and starts in each process."""

from ordercast.transport.engine import Engine


class Parts:
    def __init__(self, *engines: Engine) -> None:
        self.engineio_servers = engines

    def start(self) -> None:
        """Nothing besides."""

    def stop(self) -> None:
        """Nothing either."""

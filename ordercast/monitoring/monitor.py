"""Metrics and health of one application, put together."""

import logging
import os
from collections.abc import Callable
from hashlib import sha256

from ordercast.broker import Broker
from ordercast.health import Health
from ordercast.monitoring import folder, sharing
from ordercast.monitoring.exposition import CONTENT_TYPE, exposition
from ordercast.monitoring.listening import inherited
from ordercast.monitoring.port import serve, serve_in_turn
from ordercast.monitoring.probes import Backlog, Probes
from ordercast.monitoring.views import views
from ordercast.monitoring.vitals import Vitals

logger = logging.getLogger(__name__)


class Monitor:
    def __init__(
        self,
        health: Health,
        broker: Broker,
        probes: Probes,
        vitals: Vitals,
        is_draining: Callable[[], bool],
    ) -> None:
        self._broker = broker
        self._probes = probes
        self._vitals = vitals
        self._follows = True  # the processes are web processes
        self._started_in: int | None = None  # process id
        self._shared: folder.HostFolder | None = None  # of this host's workers
        self._told = False  # that the metrics are not shared
        self._views = views(health, self._text, is_draining)

    def backlog(self) -> Backlog:
        """See Ordercast.backlog."""
        return self._probes.backlog()

    def view(self) -> tuple[bytes, dict[str, str]]:
        """The metrics in the text format of Prometheus, and the headers of this answer."""
        return self._text(), {"Content-Type": CONTENT_TYPE}

    def _text(self) -> bytes:
        is_gunicorn = os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn/")
        if is_gunicorn and sharing.shared() is None and not self._told:
            self._told = True
            logger.warning("metrics are of this process alone, and not of all that gunicorn has")
        return exposition(self._probes.measure, follows=self._follows)

    def start_web(self) -> None:
        """In a web process: answer on METRICS_PORT, if gunicorn's master listens there. Calling it
        again is harmless; call it after any fork."""
        if self._started_in == os.getpid():
            return
        self._started_in = os.getpid()
        self._vitals.start()
        if (listener := inherited()) is not None:
            serve(listener, self._views)

    def stop_worker(self) -> None:
        """At the end of a worker: the last one of the host removes the metrics that they shared."""
        if self._shared is not None:
            self._shared.leave()

    def start_worker(self, port: int) -> None:
        """In a background worker: share the metrics of the workers of this host, and answer on
        WORKER_PORT, which one of them has at a time. 0: do nothing."""
        self._follows = False
        if not port:
            return
        if sharing.shared() is None:
            service = sha256(f"{self._broker.url} {self._broker.prefix}".encode()).hexdigest()
            try:
                self._shared = folder.HostFolder(f"{port}-{service[:8]}")
                sharing.join(self._shared.path)
            except OSError as exc:
                extra = {"error": str(exc)}
                logger.warning("metrics are of this worker alone", extra=extra)
        self._vitals.start()
        serve_in_turn(port, self._views)

"""gunicorn's settings for a service with this library, as a configuration file takes them:

    globals().update(gunicorn_options(settings))          # after gevent's patching

Nothing of the application is imported here: gunicorn's master stays clean, and HUP loads new code.
"""

import ctypes
import gc
import os
import resource
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ordercast.monitoring import folder, listening
from ordercast.settings import PREFIX, ConfigError, Settings

WORKER = "ordercast.transport.worker.Worker"
BOOT_ERROR = 3  # gunicorn's own exit code for a start that cannot work: it does not try again
KEEPALIVE_SECONDS = 75  # longer than balancers in front, which else send to a closed connection
SPARE_CONNECTIONS = 100  # for HTTP, beside those of Socket.IO
UNLIMITED = 1_000_000
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"  # of prometheus-client
FOLDER = f"{PREFIX}METRICS_FOLDER"  # of the metrics, in the environment of the master's processes

# Give memory of large messages back to the system: glibc raises this threshold (mallopt(3)) when
# the first of them is freed, and then keeps tens of megabytes. Other C libraries have no mallopt().
M_MMAP_THRESHOLD, LARGE_BYTES = -3, 131_072


def gunicorn_options(settings: Settings) -> dict[str, Any]:
    """{name: value} of gunicorn's settings and hooks. Raises the process's limit of open files:
    each connection is one, and the soft limit is often 1024."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    unauthenticated = settings.unauthenticated_connections
    bounded = settings.MAX_CONNECTIONS and unauthenticated
    return {
        "worker_class": WORKER,
        "worker_connections": settings.MAX_CONNECTIONS + unauthenticated + SPARE_CONNECTIONS
        if bounded
        else UNLIMITED,
        "keepalive": KEEPALIVE_SECONDS,
        "timeout": 60,
        "graceful_timeout": 5,  # at most, for open connections at a shutdown
        "control_socket_disable": True,  # its default place is shared by every gunicorn of the user
        "on_starting": partial(on_starting, settings.METRICS_PORT),
        "post_fork": post_fork,
        "post_worker_init": post_worker_init,
        "worker_exit": worker_exit,
        "child_exit": child_exit,
        "on_exit": on_exit,
    }


def on_starting(metrics_port: int, server: Any) -> None:
    """Refuse settings of gunicorn that the worker cannot serve with, before anything listens."""
    why: str | None
    refusal = getattr(server.worker_class, "refusal", None)
    if refusal is None:
        why = f"worker_class is {server.cfg.worker_class_str}: WebSockets need {WORKER}"
    else:
        why = refusal(server.cfg) or _open_metrics(server, metrics_port)
    if why is not None:
        print(f"ordercast: {why}", file=sys.stderr)
        sys.exit(BOOT_ERROR)


def _open_metrics(server: Any, port: int) -> str | None:
    """Make the folder of the processes' metrics, and listen on METRICS_PORT -> why that fails."""
    if MULTIPROCESS not in os.environ:  # else a team has a folder of its own
        try:
            os.environ[FOLDER] = str(folder.make(server.cfg.uid, server.cfg.gid))
        except OSError as exc:
            server.log.warning("Metrics are of each process alone: %s", exc)
    if port:
        try:
            listening.hand_on(listening.listen(port))
        except OSError as exc:
            return f"METRICS_PORT is wrong: {port} cannot be listened on: {exc.strerror}"
    return None


def post_fork(server: Any, _worker: Any) -> None:
    """Load the application without the garbage collector: modules stay, a pass finds nothing. Share
    the metrics before it declares its own."""
    gc.disable()
    if made := os.environ.get(FOLDER):
        from ordercast.monitoring import sharing  # the master needs no prometheus-client

        try:
            sharing.join(Path(made))
        except OSError as exc:
            server.log.warning("Metrics are of each process alone: %s", exc)


def post_worker_init(worker: Any) -> None:
    """Serve the application's sockets, and follow the journal: after the fork, before the first
    connection."""
    # Connections are many objects that live long and hold no cycles: each pass of the collector
    # over all of them finds nothing.
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 100)
    service = getattr(worker.wsgi, "extensions", {}).get("ordercast")
    if service is not None:
        worker.serve(*service.engineio_servers)
        try:
            service.start()
        except ConfigError as exc:
            print(f"ordercast: {exc}", file=sys.stderr)
            sys.exit(BOOT_ERROR)


def worker_exit(_server: Any, worker: Any) -> None:
    """Write down how the process ended; not if it is killed."""
    application = getattr(worker, "wsgi", None)  # None: it could not be loaded
    service = getattr(application, "extensions", {}).get("ordercast")
    if service is not None:
        service.stop()


def child_exit(_server: Any, worker: Any) -> None:
    """In a team's folder of metrics, remove the gauges of a process that has ended."""
    if MULTIPROCESS in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Remove the folders of the hand-over's sockets and of the metrics when the master ends."""
    server.worker_class.remove_folder()
    if made := os.environ.get(FOLDER):
        folder.remove(Path(made))

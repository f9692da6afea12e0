"""gunicorn's settings for a service with this library, as a configuration file takes them:

    globals().update(gunicorn_options(settings))          # after gevent's patching

Nothing of the application is imported here: gunicorn's master stays clean, and HUP loads new code.
"""

import ctypes
import gc
import resource
import sys
from typing import Any

from ordercast.settings import ConfigError, Settings

WORKER = "ordercast.transport.worker.Worker"
BOOT_ERROR = 3  # gunicorn's own exit code for a start that cannot work: it does not try again
KEEPALIVE_SECONDS = 75  # longer than balancers in front, which else send to a closed connection
SPARE_CONNECTIONS = 100  # for HTTP, beside those of Socket.IO
UNLIMITED = 1_000_000

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
        "on_starting": on_starting,
        "post_fork": post_fork,
        "post_worker_init": post_worker_init,
        "on_exit": on_exit,
    }


def on_starting(server: Any) -> None:
    """Refuse settings of gunicorn that the worker cannot serve with, before anything listens."""
    refusal = getattr(server.worker_class, "refusal", None)
    if refusal is None:
        why = f"worker_class is {server.cfg.worker_class_str}: WebSockets need {WORKER}"
    else:
        why = refusal(server.cfg)
    if why is not None:
        print(f"ordercast: {why}", file=sys.stderr)
        sys.exit(BOOT_ERROR)


def post_fork(_server: Any, _worker: Any) -> None:
    """Load the application without the garbage collector: modules stay, a pass finds nothing."""
    gc.disable()


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


def on_exit(server: Any) -> None:
    """Remove the folder of the workers' hand-over sockets when the master ends."""
    server.worker_class.remove_folder()

"""gunicorn: `gunicorn -c gunicorn.conf.py wsgi:app`.

Patches first. Nothing of the application is imported here: the master stays clean, so that HUP
loads new code. Only the settings are read, from their file, so that a bad one stops the start
before anything listens.
"""

from gevent import monkey

monkey.patch_all()

import ctypes  # noqa: E402
import gc  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import runpy  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

BOOT_ERROR = 3  # as in wsgi.py
CONFIG = runpy.run_path(str(Path(__file__).parent / "app" / "config.py"))
try:
    settings = CONFIG["load"](os.environ)
except CONFIG["ConfigError"] as exc:
    print(f"ordercast: {exc}", file=sys.stderr)
    sys.exit(BOOT_ERROR)
# Of the application, the one module that the settings read: loaded again with them at each HUP.
for name in [name for name in sys.modules if name.partition(".")[0] == "ordercast"]:
    del sys.modules[name]

bind = f"0.0.0.0:{settings.PORT}"
worker_class = "ordercast.transport.worker.Worker"
workers = settings.WEB_CONCURRENCY
unauthenticated = settings.unauthenticated_connections
worker_connections = (  # all that are open, with a hundred for HTTP
    settings.MAX_CONNECTIONS + unauthenticated + 100
    if settings.MAX_CONNECTIONS and unauthenticated
    else 1_000_000
)
keepalive = 75  # seconds; longer than the balancers in front, which otherwise meet a closed socket
timeout = 60
graceful_timeout = 5  # open sockets would be waited for until then
control_socket_disable = True  # its default place is shared by every gunicorn of the user
accesslog = None  # app/http/access.py writes it

# What large messages took goes back to the system: glibc raises this threshold (mallopt(3)) at the
# first one that is freed, and then keeps tens of megabytes of them. Other C libraries have none.
M_MMAP_THRESHOLD, LARGE_BYTES = -3, 131_072
mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
if mallopt is not None:
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)

# Each connection is an open file; the soft limit is often 1024.
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def on_starting(server: Any) -> None:
    """Before anything listens: what gunicorn is told to, and cannot be done here."""
    refusal = getattr(server.worker_class, "refusal", None)
    if refusal is None:
        why = f"worker_class is {server.cfg.worker_class_str}: WebSockets need {worker_class}"
    else:
        why = refusal(server.cfg)
    if why is not None:
        print(f"ordercast: {why}", file=sys.stderr)
        sys.exit(BOOT_ERROR)


def post_worker_init(worker: Any) -> None:
    """Follow the journal from now on: after the fork, before the first connection."""
    # Connections are many objects that live long and hold no cycles: looking through them all
    # again and again for garbage finds none.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    realtime = getattr(worker.wsgi, "extensions", {}).get("realtime")
    if realtime is not None:
        realtime.start()


def on_exit(server: Any) -> None:
    """The master ends: so does the folder in which its workers met."""
    server.worker_class.remove_folder()

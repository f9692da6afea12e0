"""The WSGI entry point: `gunicorn -c gunicorn.conf.py wsgi:app`, `flask --app wsgi ...`."""

import gc
import os
import sys

from app import create_app
from app.config import ConfigError

BOOT_ERROR = 3  # gunicorn stops instead of starting the worker again and again

# gunicorn.conf.py says the same, where it is in use.
is_gunicorn = os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn/")
if is_gunicorn and "ordercast.transport.worker" not in sys.modules:
    print(
        "ordercast: WebSockets need worker_class ordercast.transport.worker.Worker", file=sys.stderr
    )
    sys.exit(BOOT_ERROR)
gc.disable()  # The modules that are loaded stay: each pass of the collector finds nothing.
try:
    app = create_app()
except ConfigError as exc:
    print(f"ordercast: {exc}", file=sys.stderr)
    sys.exit(BOOT_ERROR)
gc.enable()

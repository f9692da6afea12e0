"""The WSGI entry point: `gunicorn -c gunicorn.conf.py wsgi:app`, `flask --app wsgi ...`."""

import gc
import os
import sys

from app import create_app
from app.config import ConfigError

BOOT_ERROR = 3  # the exit code of a worker after which gunicorn's master stops

# For gunicorn without gunicorn.conf.py, which sets the worker class.
is_gunicorn = os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn/")
if is_gunicorn and "ordercast.transport.worker" not in sys.modules:
    print(
        "ordercast: WebSockets need worker_class ordercast.transport.worker.Worker", file=sys.stderr
    )
    sys.exit(BOOT_ERROR)
gc.disable()  # While modules are loaded the collector would find no garbage.
try:
    app = create_app()
except ConfigError as exc:
    print(f"ordercast: {exc}", file=sys.stderr)
    sys.exit(BOOT_ERROR)
gc.freeze()  # Modules stay: no later pass goes over them, the one at the exit included.
gc.enable()

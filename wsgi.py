"""The WSGI entry point: `gunicorn -c gunicorn.conf.py wsgi:app`, `flask --app wsgi ...`."""

import sys

from app import create_app
from app.config import ConfigError

BOOT_ERROR = 3  # gunicorn stops instead of starting the worker again and again

try:
    app = create_app()
except ConfigError as exc:
    print(f"ordercast: {exc}", file=sys.stderr)
    sys.exit(BOOT_ERROR)

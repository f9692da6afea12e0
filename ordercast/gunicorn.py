"""gunicorn's configuration for a team's app: `gunicorn -c python:ordercast.gunicorn -w 4 app:app`.

Patches the standard library first. Settings that are needed before the app exists are read from the
environment: `ORDERCAST_*`, or `FLASK_ORDERCAST_*` as `app.config.from_prefixed_env()` does; a bad
value stops the start.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import sys  # noqa: E402

from ordercast.serving import BOOT_ERROR, gunicorn_options  # noqa: E402
from ordercast.settings import ConfigError, Settings  # noqa: E402

try:
    globals().update(gunicorn_options(Settings.from_environ(os.environ)))
except ConfigError as exc:
    print(f"ordercast: {exc}", file=sys.stderr)
    sys.exit(BOOT_ERROR)

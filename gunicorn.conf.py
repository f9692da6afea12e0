"""gunicorn: `gunicorn -c gunicorn.conf.py wsgi:app`.

Monkey patching comes first. The master keeps no module of the application, so that new workers
after a HUP load new code. It reads the settings only, from their file, so that a bad value stops
the start before the port is open.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import runpy  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

BOOT_ERROR = 3  # as in wsgi.py
if "ordercast.settings" not in sys.modules:
    # Imported by gunicorn with the worker class; after a HUP it has the names of the old release.
    sys.modules.pop("ordercast", None)
loaded = frozenset(sys.modules)
CONFIG = runpy.run_path(str(Path(__file__).parent / "app" / "config.py"))
try:
    settings = CONFIG["load"](os.environ)
except CONFIG["ConfigError"] as exc:
    print(f"ordercast: {exc}", file=sys.stderr)
    sys.exit(BOOT_ERROR)
from ordercast import gunicorn_options  # noqa: E402

globals().update(gunicorn_options(settings))
bind = f"0.0.0.0:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
accesslog = None  # app/http/access.py writes the access log
# Forget the modules that the settings have loaded: each HUP reads them again.
for name in sys.modules.keys() - loaded:
    if name.partition(".")[0] in ("app", "ordercast"):
        del sys.modules[name]

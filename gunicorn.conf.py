"""gunicorn: `gunicorn -c gunicorn.conf.py wsgi:app`.

Patches first. Nothing of the application is imported here: the master stays clean, so that HUP
loads new code. Only the settings are read, from their file, so that a bad one stops the start
before anything listens.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import runpy  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

BOOT_ERROR = 3  # as in wsgi.py
if "ordercast.settings" not in sys.modules:
    # gunicorn's, beside the transport: after a HUP the public names of the release before.
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
accesslog = None  # app/http/access.py writes it
# Of the library only what the settings need is loaded: read again with them at each HUP.
for name in sys.modules.keys() - loaded:
    if name.partition(".")[0] == "ordercast":
        del sys.modules[name]

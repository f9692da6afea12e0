"""The packages whose private parts live/, transport/ and monitoring/ use, in the versions that were
read.

Such parts may change in any release. Another version may work all the same: one line in the log
names it.
"""

import logging
from collections.abc import Callable
from importlib.metadata import version

logger = logging.getLogger(__name__)

READ_AGAINST = {
    "flask-socketio": "5.7.0",
    "python-socketio": "5.18.1",
    "python-engineio": "4.15.1",
    "gevent": "26.9.0",
    "gunicorn": "27.0.1",
    "redis": "8.1.0",
    "prometheus-client": "0.26.0",
}


def warn_of_others(installed: Callable[[str], str] = version) -> None:
    """Log one line that names every package that has another version."""
    found = {name: installed(name) for name in READ_AGAINST}
    others = [
        f"{name} {found[name]} (tested with {tested})"
        for name, tested in READ_AGAINST.items()
        if found[name] != tested
    ]
    if others:
        logger.warning("other versions than tested with", extra={"packages": others})

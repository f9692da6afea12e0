"""Outages in the log: one line a second for each kind, instead of a traceback for each request.

The library's own loggers have such a filter as soon as an application is initialised. Python asks
the filter of a logger for its own lines alone, not for those of the loggers below it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable

import redis

from ordercast import database
from ordercast.broker import reason

REPEAT_SECONDS = 1.0

# (kind, text on one line) of an error that is an outage; None of another.
Explain = Callable[[BaseException | None], tuple[str, str] | None]
Failure = tuple[str, str, str]  # (logger, message, kind)


REDIS = {  # kinds of its outages; the first that fits counts
    redis.ReadOnlyError: "redis read-only",
    redis.OutOfMemoryError: "redis full",
    redis.ConnectionError: "redis unavailable",
    redis.TimeoutError: "redis unavailable",
}


def explain(error: BaseException | None) -> tuple[str, str] | None:
    """(kind, text on one line) of an error that is an outage of the database or of Redis."""
    for kind, name in REDIS.items():
        if isinstance(error, kind):
            return name, reason(error)
    return database.explain(error)


class OutageFilter(logging.Filter):
    """For a logger or a handler: of the lines with an error that is an outage, lets one a second
    pass for each message and kind of outage.

    In the place of the traceback such a line has the kind and the driver's error, and the attribute
    `outage`: {kind, error, repeated}, of which `repeated` counts the lines left out before.
    """

    def __init__(self, explain: Explain = explain) -> None:
        super().__init__()
        self._explain = explain
        self._silent_until: dict[Failure, float] = {}  # monotonic seconds
        self._left_out: Counter[Failure] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        found = self._explain(record.exc_info[1]) if record.exc_info else None
        if found is None:
            return True
        kind, text = found
        failure = (record.name, str(record.msg), kind)
        if time.monotonic() < self._silent_until.get(failure, 0.0):
            self._left_out[failure] += 1
            return False
        self._silent_until[failure] = time.monotonic() + REPEAT_SECONDS
        repeated = self._left_out.pop(failure, 0)
        record.outage = {"kind": kind, "error": text, "repeated": repeated}
        # A formatter writes this text where the traceback would be.
        before = f" (and {repeated} times before)" if repeated else ""
        record.exc_info, record.exc_text = None, f"{kind}: {text}{before}"
        return True


_FILTER = OutageFilter()
PACKAGE = __name__.partition(".")[0]


def filter_own_loggers() -> None:
    """Give the library's loggers the filter, those of the modules that are loaded by now; calling
    it again is harmless."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == PACKAGE:
            logging.getLogger(name).addFilter(_FILTER)

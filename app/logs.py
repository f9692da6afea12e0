"""JSON logs: one object a line, a sentence plus fixed keys.

logger.info("sequenced", extra={"count": 3, "head": 17})
{"time": "...", "level": "info", "logger": "ordercast.worker", "message": "sequenced", ...}
"""

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from ordercast import redacted

HANDLER = "ordercast"  # the name of the one handler
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
    "outage",
}
REPEAT_SECONDS = 1.0

# Returns (kind, message) for an outage, which many requests meet at once; None for other errors.
Explain = Callable[[BaseException | None], tuple[str, str] | None]


class Outages(logging.Filter):
    """A filter that keeps one line a second for each kind of outage, without a traceback, with the
    count of lines left out since the one before."""

    def __init__(self, explain: Explain) -> None:
        super().__init__()
        self._explain = explain
        self._silent_until: dict[tuple[str, str, str], float] = {}  # monotonic seconds
        self._left_out: Counter[tuple[str, str, str]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        found = self._explain(record.exc_info[1]) if record.exc_info else None
        if found is None:
            return True
        kind, text = found
        failure = (record.name, record.msg, kind)
        if time.monotonic() < self._silent_until.get(failure, 0.0):
            self._left_out[failure] += 1
            return False
        self._silent_until[failure] = time.monotonic() + REPEAT_SECONDS
        record.outage = {"kind": kind, "error": text, "repeated": self._left_out.pop(failure, 0)}
        return True


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON; the keys of `extra` become keys of the line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if hasattr(record, "outage"):
            line.update(record.outage)
        elif record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redacted(self._encoded(line))

    def _encoded(self, line: dict[str, Any]) -> str:
        try:
            return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # orjson refuses surrogates, huge integers and circles: lose no line
            plain = {
                key: value if isinstance(value, int) else str(value) for key, value in line.items()
            }
            return json.dumps(plain)


def configure(level: str, explain: Explain = lambda _error: None) -> None:
    """Send every log line of this process to standard error as JSON. Safe to call again. `explain`:
    recognises errors of an outage, which Outages thins out."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.set_name(HANDLER)
    handler.addFilter(Outages(explain))
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == HANDLER]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # Quieten them: our lines say the same, and geventwebsocket's contain whole query strings.
    for noisy in ("socketio", "engineio", "geventwebsocket.handler", "alembic.runtime.plugins"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))

"""JSON logs: one object a line, a sentence plus fixed keys.

logger.info("sequenced", extra={"count": 3, "head": 17})
{"time": "...", "level": "info", "logger": "ordercast.worker", "message": "sequenced", ...}
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

from ordercast import OutageFilter, RequestIdFilter, redacted

HANDLER = "ordercast"  # the name of the one handler
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
    "outage",
}


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


def configure(level: str) -> None:
    """Send every log line of this process to standard error as JSON. Safe to call again."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.set_name(HANDLER)
    handler.addFilter(OutageFilter())
    handler.addFilter(RequestIdFilter())
    # No line has them, and for each record they would be asked of a greenlet, which is no thread.
    logging.logThreads = logging.logMultiprocessing = False
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == HANDLER]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # Quieten them: our lines say the same, and geventwebsocket's contain whole query strings.
    for noisy in ("socketio", "engineio", "geventwebsocket.handler", "alembic.runtime.plugins"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))

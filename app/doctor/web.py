"""What the web process of this machine says of itself: its own connections, and where the
processes of the machine meet, are seen from inside only."""

import json
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from ordercast import Doubtful, Examination

ASK_SECONDS = 3.0  # for one answer; /readyz takes no longer
SETTLE_SECONDS = 4.0  # for a process that has just begun, and has not heard a worker yet
PAUSE_SECONDS = 0.25
LOG = "See its log: a change of each check is one line there (`readiness changed`)."


def examination(port: int) -> Examination:
    seconds = SETTLE_SECONDS + ASK_SECONDS + 1
    return Examination("web", lambda: _web(port), seconds=seconds)


def _web(port: int) -> str:
    """`/readyz` on PORT of this machine. Nothing there is no complaint: it may run elsewhere."""
    url = f"http://127.0.0.1:{port}/readyz"
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            said = _ask(url)
        except (URLError, OSError, ValueError):
            return f"no web process of this service answers on port {port} here"
        if said["status"] == "ok":
            return f"ready, on port {port}"
        if time.monotonic() > deadline:
            break
        time.sleep(PAUSE_SECONDS)
    wrong = [f"{name} {answer}" for name, answer in said.items() if answer != "ok"]
    # What is behind it fails by a check of its own, if it does so from here as well.
    raise Doubtful(f"/readyz on port {port} says: {', '.join(wrong)}", LOG)


def _ask(url: str) -> dict[str, Any]:
    """Raises URLError, OSError, and ValueError for an answer of something else."""
    try:
        with urlopen(url, timeout=ASK_SECONDS) as answer:  # noqa: S310 - http, as written above
            text = answer.read()
    except HTTPError as exc:  # 503 has the same body
        text = exc.read()
    said = json.loads(text)
    if not isinstance(said, dict) or "status" not in said:
        raise ValueError("not our /readyz")
    return said

"""The readiness of this machine's web process. Its connections, and the folder in which the
machine's processes meet, can be checked only from inside."""

import json
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from ordercast import Doubtful, Examination

ASK_SECONDS = 3.0  # for one answer; /readyz takes no longer
SETTLE_SECONDS = 4.0  # for a process that has just started and has not heard a worker yet
PAUSE_SECONDS = 0.25
LOG = "See its log: a change of each check is one line there (`readiness changed`)."


def examination(port: int) -> Examination:
    seconds = SETTLE_SECONDS + ASK_SECONDS + 1
    return Examination("web", lambda: _web(port), seconds=seconds)


def _web(port: int) -> str:
    """Ask `/readyz` on PORT of this machine. No answer is fine: the process may run elsewhere."""
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
    # Warn only: the cause fails a check of its own if this process sees it too.
    raise Doubtful(f"/readyz on port {port} says: {', '.join(wrong)}", LOG)


def _ask(url: str) -> dict[str, Any]:
    """The answer of /readyz. Raises URLError, OSError; ValueError for another program's answer."""
    try:
        with urlopen(url, timeout=ASK_SECONDS) as answer:  # noqa: S310 - http, as written above
            text = answer.read()
    except HTTPError as exc:  # 503 has the same body
        text = exc.read()
    said = json.loads(text)
    if not isinstance(said, dict) or "status" not in said:
        raise ValueError("not our /readyz")
    return said

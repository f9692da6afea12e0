"""A process that appends: `python -m bench.appending`, started by bench.durable.

Reads {source, first, step, count, users, perTransaction, pause} as JSON from stdin, and prints
{phase: "prepared"}. At the next line it appends the events `first`, `first + step` and so on,
`perTransaction` in one transaction, with `pause` seconds after each, and prints {phase: "appended",
cpuSeconds}. Event `seq` goes to user `seq % len(users)`.
"""

import json
import resource
import sys
import time
from typing import Any

from app import create_app
from app.db import transaction
from app.events import Notification
from app.extension import cast

MESSAGE = (
    "Green tea, 2 x 250 g, left our house this morning. It is with you on Thursday, or on Friday if"
    " you live on an island."
)


def payload(seq: int, source: int) -> dict[str, str]:
    """The payload of an event that is sent now."""
    title = f"{seq} {source} {time.monotonic_ns()}"
    return {"title": title, "message": MESSAGE, "type": "info"}


def main() -> None:
    app = create_app()
    for line in sys.stdin:
        plan = json.loads(line)
        print(json.dumps({"phase": "prepared"}), flush=True)
        sys.stdin.readline()
        before = cpu_seconds()
        with app.app_context():
            append(plan)
        report = {"phase": "appended", "cpuSeconds": cpu_seconds() - before}
        print(json.dumps(report), flush=True)


def append(plan: dict[str, Any]) -> None:
    numbers = range(plan["first"], plan["first"] + plan["step"] * plan["count"], plan["step"])
    for start in range(0, plan["count"], plan["perTransaction"]):
        with transaction() as session:
            cast.append_all(
                session,
                [
                    (
                        Notification.of(payload(seq, plan["source"])),
                        plan["users"][seq % len(plan["users"])],
                    )
                    for seq in numbers[start : start + plan["perTransaction"]]
                ],
            )
        time.sleep(plan["pause"])


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

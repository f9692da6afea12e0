"""Recovery of clients, beside Node's Socket.IO with connectionStateRecovery, in one run.

    python -m bench.recovery jitter      each connection ends about every 15 s, away 2 s
    python -m bench.recovery avalanche   the web process is killed under all of them

1,000 stock clients over websocket, events to all of them at 2/s. To reach: 100 % delivered and
recovered, every client back, replay p99 and the time until all are back no worse than Node's.
"""

import argparse
import json
import sys
from typing import Any

from app.accounts.models import Role
from bench.peers import USER, load, running, token

PLANS: dict[str, dict[str, Any]] = {
    "jitter": {
        "events": 120,
        "everySeconds": 15,
        "options": {"reconnectionDelay": 2000, "randomizationFactor": 0},
    },
    "avalanche": {"events": 40, "options": {}},  # the stock client's own delays
}
PER_SECOND = 2


def main() -> int:
    parser = argparse.ArgumentParser(description="recovery of many clients, beside Node")
    parser.add_argument("mode", choices=sorted(PLANS))
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--events", type=int)
    arguments = parser.parse_args()
    plan = {
        "mode": arguments.mode,
        "clients": arguments.clients,
        "perSecond": PER_SECOND,
        "userId": USER,
        "room": f"user:{USER}",
        "token": token(USER, Role.CUSTOMER),
        **PLANS[arguments.mode],
    }
    if arguments.events:
        plan["events"] = arguments.events
    with running() as peers:
        reports = {
            peer.name: load(peer, "recovery.mjs", plan, seconds=plan["events"] / PER_SECOND + 120)
            for peer in peers
        }
    print(json.dumps(reports, indent=2))
    ours = reports["ordercast"]
    return 0 if not (ours["missing"] or ours["doubled"] or ours["neverReturned"]) else 1


if __name__ == "__main__":
    sys.exit(main())

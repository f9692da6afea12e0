"""`flask doctor`: what the service needs, checked for real, and what to do where it fails."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import redis
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from app import broker, inbox, journal
from app.config import MIN_SECRET_BYTES, Settings
from app.db import db

ROOT = Path(__file__).parent.parent
HEARTBEAT_SECONDS = 3.0  # the worker announces the head each second
SPARE_FILES = 200  # descriptors besides the connections
UPGRADE = "Run: flask --app wsgi db upgrade"
WEAK_SECRETS = ("secret", "change", "example", "password")

PATCH_CHECK = """
import runpy, warnings
warnings.simplefilter("error")
runpy.run_path("gunicorn.conf.py")
from gevent import monkey
import wsgi
assert monkey.is_module_patched("socket") and monkey.is_module_patched("threading")
"""


@dataclass(frozen=True)
class Finding:
    name: str
    ok: bool
    text: str
    advice: str = ""


class Unhealthy(Exception):
    """A check failed: (what is wrong, what to do)."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every check -> findings, as they are made."""
    checks: tuple[tuple[str, Callable[[Settings], str]], ...] = (
        ("database", _database),
        ("migrations", _migrations),
        ("redis", _redis),
        ("secrets", _secrets),
        ("monkey patching", _patching),
        ("file limit", _files),
        ("worker", _worker),
        ("inbox", _inbox),
    )
    for name, check in checks:
        try:
            yield Finding(name, True, check(settings))
        except Unhealthy as exc:
            text, advice = exc.args
            yield Finding(name, False, text, advice)


def _database(settings: Settings) -> str:
    try:
        db.session.execute(select(1))
    except SQLAlchemyError as exc:
        raise Unhealthy(_first_line(exc), "Check DATABASE_URL and that the server runs.") from exc
    return f"{db.engine.dialect.name} answers"


def _migrations(settings: Settings) -> str:
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    try:
        current = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError as exc:
        raise Unhealthy(_first_line(exc), UPGRADE) from exc
    wanted = scripts.get_current_head()
    if current != wanted:
        raise Unhealthy(f"the database is at {current}, the code at {wanted}", UPGRADE)
    return f"at {current}"


def _redis(settings: Settings) -> str:
    """A message of our own comes back on the channel that stock external emits use."""
    mark = f'{{"method": "doctor", "host_id": "{uuid4().hex}"}}'.encode()
    try:
        with broker.connect(settings.REDIS_URL) as client, client.pubsub() as pubsub:
            pubsub.subscribe(broker.QUEUE_CHANNEL)
            pubsub.get_message(timeout=1)
            client.publish(broker.QUEUE_CHANNEL, mark)
            if not _heard(pubsub, lambda data: data == mark, seconds=2):
                raise Unhealthy("a published message did not come back", "Check the Redis ACLs.")
    except redis.RedisError as exc:
        advice = "Check REDIS_URL and that Redis runs; until then events take up to 2 s."
        raise Unhealthy(str(exc), advice) from exc
    return f"round trip on the channel {broker.QUEUE_CHANNEL}"


def _secrets(settings: Settings) -> str:
    secret = settings.JWT_SECRET_KEY
    if len(secret.encode()) < MIN_SECRET_BYTES or any(
        word in secret.lower() for word in WEAK_SECRETS
    ):
        raise Unhealthy(
            f"JWT_SECRET_KEY is short of {MIN_SECRET_BYTES} bytes or easily guessed",
            "Make one: python -c 'import secrets; print(secrets.token_hex(32))'",
        )
    return "JWT_SECRET_KEY is long enough"


def _patching(settings: Settings) -> str:
    """Loads the application as a gunicorn worker would, with every warning an error."""
    done = subprocess.run(
        [sys.executable, "-c", PATCH_CHECK], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Unhealthy(last, "Keep monkey.patch_all() the first thing in gunicorn.conf.py.")
    return "done before anything else is imported"


def _files(settings: Settings) -> str:
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)  # gunicorn.conf.py raises the soft one
    wanted = settings.MAX_CONNECTIONS + SPARE_FILES
    if limit < wanted:
        raise Unhealthy(
            f"{limit} allowed; MAX_CONNECTIONS={settings.MAX_CONNECTIONS} needs {wanted}",
            f"Run `ulimit -Hn {wanted}` where the web process starts, or lower MAX_CONNECTIONS.",
        )
    return f"{limit}"


def _worker(settings: Settings) -> str:
    """Another database's worker may announce its journal on the same Redis: that is not ours."""
    try:
        ours = f'"journal":"{journal.head().journal}"'.encode()
    except SQLAlchemyError as exc:
        raise Unhealthy("cannot tell without the database", "Repair the database first.") from exc
    try:
        with broker.connect(settings.REDIS_URL) as client, client.pubsub() as pubsub:
            pubsub.subscribe(broker.JOURNAL_CHANNEL)
            running = _heard(pubsub, lambda data: ours in data, seconds=HEARTBEAT_SECONDS)
    except redis.RedisError as exc:
        raise Unhealthy("cannot tell without Redis", "Repair Redis first.") from exc
    if not running:
        raise Unhealthy("no worker announces the journal", "Run: flask --app wsgi worker")
    return "running"


def _inbox(settings: Settings) -> str:
    try:
        with broker.connect(settings.REDIS_URL) as client:
            waiting, refused = client.xlen(inbox.STREAM), client.xlen(inbox.REFUSED)
            last = client.xrevrange(inbox.REFUSED, count=1)
    except redis.RedisError as exc:
        raise Unhealthy("cannot tell without Redis", "Repair Redis first.") from exc
    if refused:
        reason = last[0][1][b"reason"].decode()
        raise Unhealthy(
            f"{refused} entries were refused, the last one because: {reason}",
            f"See them: XRANGE {inbox.REFUSED} - +; when that is settled: DEL {inbox.REFUSED}",
        )
    return f"{waiting} waiting, none refused"


def _heard(pubsub: redis.client.PubSub, wanted: Callable[[bytes], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        message = pubsub.get_message(timeout=left)
        if message and message["type"] == "message" and wanted(message["data"]):
            return True
    return False


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]

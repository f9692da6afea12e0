"""/api/events: what the caller's rooms got since an offset, for clients without recovery."""

from typing import Any

import orjson
from flask import Blueprint, current_app

from app import journal
from app.accounts.tokens import Identity
from app.events import Wire
from app.http.bodies import EventsAfter
from app.http.operation import operation

blueprint = Blueprint("events", __name__, url_prefix="/api/events")


class MissedEvent(Wire):
    offset: str
    name: str
    data: dict[str, Any]


class MissedEvents(Wire):
    """`complete` false: too old or too many. Then read snapshots again; `offset` continues."""

    events: list[MissedEvent]
    offset: str
    complete: bool


@blueprint.get("")
@operation("What I missed since an offset.", query=EventsAfter, answer=MissedEvents)
def list_events(caller: Identity, query: EventsAfter) -> dict[str, Any]:
    """?after={offset} -> 200 {events: [{offset, name, data}], offset, complete}.

    Never a part presented as the whole: over RECOVERY_MAX_EVENTS, or from before the lowest
    position kept, the answer is empty and `complete` is false.
    """
    limit = current_app.config["SETTINGS"].RECOVERY_MAX_EVENTS or 2**31 - 1
    # Read first: what comes after it belongs to the next call.
    head = journal.head()
    entries = []
    complete = head.lowest - 1 <= query.after <= head.position
    if complete:
        entries = journal.since(
            query.after, until=head.position, rooms=caller.rooms, limit=limit + 1
        )
        # Asked again: the worker may have pruned between the two reads.
        complete = len(entries) <= limit and journal.head().lowest - 1 <= query.after
    return {
        "events": [
            {"offset": str(entry.position), "name": entry.name, "data": orjson.loads(entry.data)}
            for entry in (entries if complete else ())
        ],
        "offset": str(head.position),
        "complete": complete,
    }
